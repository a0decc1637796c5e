// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package languagerouter

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestPathsThatNoBodyCanServeAreRefused has options that differ in the case of a name:
// of the two one would be a variant of the other, for which every body that has it, or
// in which one was just set, is refused.
func TestPathsThatNoBodyCanServeAreRefused(t *testing.T) {
	const values = `"values":{"*":"x"}`
	rows := []struct{ name, config, want string }{
		{"set and set", `{"set_body":[{"path":"a.b",` + values + `},{"path":"A.c",` + values + `}]}`, `set_body: parse path "A.c": `},
		{"set and set, of different length", `{"set_body":[{"path":"config.id",` + values + `},{"path":"CONFIG",` + values + `}]}`, `set_body: parse path "CONFIG": `},
		{"read and set", `{"body":["config.Language"],"set_body":[{"path":"config.language",` + values + `}]}`, `set_body: parse path "config.language": `},
		{"target and set", `{"target_body":["Target"],"set_body":[{"path":"target",` + values + `}]}`, `set_body: parse path "target": `},
		{"text and set", `{"detect":["Input.#.source"],"set_body":[{"path":"input",` + values + `}]}`, `set_body: parse path "input": `},
		{"chat and set", `{"last_user_message":true,"set_body":[{"path":"Messages",` + values + `}]}`, `set_body: parse path "Messages": `},
		{"two spellings of a name", `{"set_body":[{"path":"a#b",` + values + `},{"path":"a\\#b",` + values + `}]}`, "one of them would undo the other"},
		{"two spellings on the way", `{"set_body":[{"path":"a#b.c",` + values + `},{"path":"a\\#b",` + values + `}]}`, "one of them would undo the other"},
		{"size that nothing has", `{"max_body":9223372036854775807}`, "max_body: 9223372036854775807 is no size for a body"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := provisioned(t).LoadModuleByID("http.handlers.language_router", json.RawMessage(row.config))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %s", err, row.want)
			}
		})
	}
}

// TestPathsWithDotsInNames has members set whose names hold what separates names.
func TestPathsWithDotsInNames(t *testing.T) {
	h := load(t, `{"set_body":[{"path":"a\\.#","values":{"*":"x"}},{"path":"a","values":{"*":"y"}},{"path":"a\\.b","values":{"*":"z"}}]}`)
	o := send(t, jsonCall(`{"a.#":1}`).request(t), h)
	if want := `{"a.b":"z","a":"y","a.#":"x"}`; o.body != want {
		t.Errorf("forwarded %s, want %s", o.body, want)
	}
}

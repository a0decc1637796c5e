// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

var everything = []consumers.Spec{{
	Name: "a", CustomID: "7", Tags: []string{"x", "y"}, Groups: []string{"llm"},
	AllowIPs: []string{"10.0.0.0/8", "::1"}, Models: []string{"gpt-*"},
	Keys: []consumers.KeySpec{
		{Key: "{env.A}", NotBefore: "2026-01-01", Until: "2026-12-31"},
		{Key: "{env.B}"},
	},
}, {Name: "b"}}

const everythingJSON = `[
	{"name": "a", "custom_id": "7", "tags": ["x", "y"], "groups": ["llm"],
	 "allow_ips": ["10.0.0.0/8", "::1"], "models": ["gpt-*"],
	 "keys": [{"key": "{env.A}", "not_before": "2026-01-01", "until": "2026-12-31"}, "{env.B}"]},
	{"name": "b"}
]`

const everythingCSV = `name,custom_id,tags,groups,key,not_before,until,allow_ips,models
a,7,x y,llm,{env.A},2026-01-01,2026-12-31,10.0.0.0/8;::1,gpt-*
b,,,,,,,,
a,,,,{env.B},,,,
`

func TestReadFile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, file, text string
		want             []consumers.Spec
	}{
		{"JSON array", "c.json", everythingJSON, everything},
		{"JSON object", "c.json", `{"consumers": ` + everythingJSON + `}`, everything},
		{"JSON by content", "c", "\r\n " + everythingJSON, everything},
		{"JSON by content with byte order mark", "c.txt", "\ufeff{\"consumers\":[]}", nil},
		{"extension in upper case", "C.JSON", everythingJSON, everything},
		{"CSV", "c.csv", everythingCSV, everything},
		{"CSV by content", "/dev/stdin", everythingCSV, everything},
		{"CSV with byte order mark and CRLF", "c.csv", "\ufeff" + strings.ReplaceAll(everythingCSV, "\n", "\r\n"), everything},
		{
			"CSV in other order, quoted", "c.csv", "key, name ,groups\n\"sha256:0\",\"a, b\", llm ; admin\n",
			[]consumers.Spec{{Name: "a, b", Groups: []string{"llm", "admin"}, Keys: []consumers.KeySpec{{Key: "sha256:0"}}}},
		},
		{
			"CSV repeating equal settings", "c.csv", "name,groups,key\na,llm,1\na,llm,2\n",
			[]consumers.Spec{{Name: "a", Groups: []string{"llm"}, Keys: []consumers.KeySpec{{Key: "1"}, {Key: "2"}}}},
		},
		{
			"CSV time without key", "c.csv", "name,key,until\na,,2026-01-01\n",
			[]consumers.Spec{{Name: "a", Keys: []consumers.KeySpec{{Until: "2026-01-01"}}}},
		},
		{
			"JSON with a plan", "c.json", `[{"name":"a","plan":"gold"},{"name":"b","plan":null}]`,
			[]consumers.Spec{{Name: "a", Plan: "gold"}, {Name: "b"}},
		},
		{
			"CSV with plans", "c.csv", "name,plan,key\na,gold,1\na,,2\na,gold,3\nb,,\n",
			[]consumers.Spec{{Name: "a", Plan: "gold", Keys: []consumers.KeySpec{{Key: "1"}, {Key: "2"}, {Key: "3"}}}, {Name: "b"}},
		},
		{"CSV header alone", "c.csv", "name\n", nil},
		{
			"JSON with null", "c.json", `[{"name":"a","custom_id":null,"tags":null,"keys":null,"models":null,"groups":[]}]`,
			[]consumers.Spec{{Name: "a", Groups: []string{}}},
		},
		{
			"JSON with escapes", "c.json", `[{"n\u0061me":"\"\u00e9\\", "keys":["a\/b"]}]`,
			[]consumers.Spec{{Name: `"é\`, Keys: []consumers.KeySpec{{Key: "a/b"}}}},
		},
		{
			"key members", "c.json", `[{"name":"a","keys":[{"key":"k","groups":["g"],"models":["m"],"tags":["t"]}]}]`,
			[]consumers.Spec{{Name: "a", Keys: []consumers.KeySpec{{Key: "k", Groups: []string{"g"}, Models: []string{"m"}, Tags: []string{"t"}}}}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := consumers.ReadFile(tc.file, iotest.OneByteReader(strings.NewReader(tc.text)))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("read %+v", got)
			}
		})
	}
}

func TestReadFileRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, file, text, want string }{
		{"empty JSON", "c.json", "", "c.json: line 1: unexpected end of JSON input"},
		{"broken JSON", "c.json", "[\n{\"name\": }]", "c.json: line 2: invalid character"},
		{"two JSON values", "c.json", "[]\n[]", "c.json: line 2: invalid character"},
		{"not UTF-8", "c.json", "[{\"name\":\"\xff\"}]", "c.json: not UTF-8"},
		{"number", "c.json", "1", "c.json: line 1: a number where an array is expected"},
		{"object without consumers", "c.json", "{}", "c.json: line 1: the object has no member consumers"},
		{"object with another member", "c.json", `{"users":[]}`, `unknown member "users"; the members are consumers`},
		{"unknown member", "c.json", "[{\"name\":\"a\"},\n{\"name\":\"b\",\n\"grops\":[]}]", `c.json: line 3: consumer "b": unknown member "grops"; the members are name,`},
		{"unknown member before the name", "c.json", `[{"grops":[],"name":"b"}]`, `consumer number 1: unknown member "grops"`},
		{"member in other case", "c.json", `[{"Name":"a"}]`, `unknown member "Name"`},
		{"member twice", "c.json", `[{"name":"a","models":["x"],"models":["y"]}]`, `consumer "a": member "models" appears twice`},
		{"member twice by escape", "c.json", `[{"name":"a","n\u0061me":"b"}]`, `member "name" appears twice`},
		{"consumer as string", "c.json", `["a"]`, "consumer number 1: a string where an object is expected"},
		{"name as number", "c.json", `[{"name":1}]`, "name: a number where a string is expected"},
		{"groups as string", "c.json", `[{"name":"a","groups":"llm"}]`, `consumer "a": groups: a string where an array is expected`},
		{"group as boolean", "c.json", `[{"name":"a","groups":[true]}]`, "groups: a boolean where a string is expected"},
		{"group as null", "c.json", `[{"name":"a","groups":[null]}]`, "groups: null where a string is expected"},
		{"keys as object", "c.json", `[{"name":"a","keys":{"key":"x"}}]`, "keys: an object where an array is expected"},
		{"key with unknown member", "c.json", `[{"name":"a","keys":["x",{"key":"y","expires":"z"}]}]`, `consumer "a": keys: key 2: unknown member "expires"`},
		{"no models at all", "c.json", `[{"name":"a","models":[]}]`, "models: the list is empty; leave the member out"},
		{"no addresses at all", "c.json", `[{"name":"a","allow_ips":[]}]`, "allow_ips: the list is empty"},
		{"key without groups", "c.json", `[{"name":"a","keys":[{"key":"k","groups":[]}]}]`, "key 1: groups: the list is empty"},
		{"empty CSV", "c.csv", "", "c.csv: no header row"},
		{"CSV without name", "c.csv", "key\nx\n", `c.csv: line 1: the header row has no column "name"`},
		{"CSV with unknown column", "c.csv", "name,quota\n", "c.csv: line 1: column 2 of the header row is none of name,"},
		{"CSV with column twice", "c.csv", "name,key,key\n", `line 1: column "key" appears twice`},
		{"CSV row too short", "c.csv", "name,key\na\n", "c.csv: read row: record on line 2: wrong number of fields"},
		{"CSV with bare quote", "c.csv", "name\na\"b\n", "c.csv: read row: parse error on line 2"},
		{"CSV without a name in a row", "c.csv", "name,key\na,1\n,2\n", "c.csv: line 3: the name is empty"},
		{"CSV row that adds nothing", "c.csv", "name,key\na,1\na,\n", `c.csv: line 3: consumer "a" is there already, and the row adds no key`},
		{"CSV row with another plan", "c.csv", "name,plan,key\na,gold,1\na,iron,2\n", `c.csv: line 3: consumer "a" is there already with other settings`},
		{"plan as a list", "c.json", `[{"name":"a","plan":["gold"]}]`, `consumer "a": plan: an array where a string is expected`},
		{"CSV row with other settings", "c.csv", "name,groups,key\na,llm,1\na,admin,2\n", `c.csv: line 3: consumer "a" is there already with other settings`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := consumers.ReadFile(tc.file, strings.NewReader(tc.text))
			if err == nil {
				t.Fatalf("read %+v", got)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %q\nwant %q", err, tc.want)
			}
		})
	}
}

func TestReadFilePassesReadErrors(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"c.json", "c.csv", "c"} {
		_, err := consumers.ReadFile(file, iotest.ErrReader(io.ErrClosedPipe))
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestReadFileKeepsSecrets guards against a key in an error when a file has no
// header row or a member of the wrong kind.
func TestReadFileKeepsSecrets(t *testing.T) {
	t.Parallel()
	const secret = "demo-key-not-a-secret"
	for file, text := range map[string]string{
		"c.csv":  "a," + secret + "\n",
		"d.csv":  "name,key\na," + secret + "\na," + secret + ",x\n",
		"c.json": `[{"name":"a","groups":"` + secret + `"}]`,
		"d.json": `[{"name":"a","keys":"` + secret + `"}]`,
		"e.json": `[{"name":"a","keys":["` + secret + `"],"quota":1}]`,
	} {
		_, err := consumers.ReadFile(file, strings.NewReader(text))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: error = %v", file, err)
		}
	}
}

// TestSpecInJSON guards the reading of consumers inside a larger JSON
// configuration, which must be as strict as that of a file.
func TestSpecInJSON(t *testing.T) {
	t.Parallel()
	var config struct {
		Consumers []consumers.Spec `json:"consumers"`
	}
	if err := json.Unmarshal([]byte(`{"consumers":`+everythingJSON+`}`), &config); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(config.Consumers, everything) {
		t.Errorf("read %+v", config.Consumers)
	}
	text, err := json.Marshal(everything)
	if err != nil {
		t.Fatal(err)
	}
	again, err := consumers.ReadJSON(bytes.NewReader(text))
	if err != nil || !reflect.DeepEqual(again, everything) {
		t.Errorf("read back %+v, %v", again, err)
	}
	for _, bad := range []string{`[{"grops":[]}]`, `[null]`, `[{"keys":[{"grops":[]}]}]`} {
		if err := json.Unmarshal([]byte(`{"consumers":`+bad+`}`), &config); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
	var key consumers.KeySpec
	if err := json.Unmarshal([]byte(`"k"`), &key); err != nil || key.Key != "k" {
		t.Errorf("key = %+v, %v", key, err)
	}
	if err := key.UnmarshalJSON([]byte(`{"key":`)); err == nil {
		t.Error("half an object is accepted")
	}
}

// FuzzReadFile: whatever a file holds, reading and building it ends in a result
// or an error, and what is read survives being written.
func FuzzReadFile(f *testing.F) {
	f.Add("c.json", []byte(everythingJSON))
	f.Add("c.csv", []byte(everythingCSV))
	f.Add("c", []byte(`{"consumers":[{"name":"\u0061","keys":["\\",{"key":"\""}]}]}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		specs, err := consumers.ReadFile(name, bytes.NewReader(data))
		if err != nil {
			return
		}
		_, _ = consumers.Build(specs, consumers.BuildOptions{})
		var plain []struct {
			Name string
			Keys []json.RawMessage
		}
		text, err := json.Marshal(specs)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &plain); err != nil {
			t.Fatal(err)
		}
		for i := range plain {
			if len(plain[i].Keys) != len(specs[i].Keys) {
				t.Errorf("consumer %d has %d keys, written %d", i, len(specs[i].Keys), len(plain[i].Keys))
			}
		}
	})
}

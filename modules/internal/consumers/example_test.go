// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

func ExampleBuild() {
	specs, err := consumers.ReadFile("consumers.csv", strings.NewReader(
		"name,groups,models,key,until\n"+
			"query,llm,deepseek-*,"+apikey.Hash("demo-key-not-a-secret").String()+",2026-12-31\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	table, err := consumers.Build(specs, consumers.BuildOptions{Groups: []string{"llm"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := table.Lookup(apikey.Hash("demo-key-not-a-secret"))
	fmt.Println(c.Consumer.Name, c.InGroup("llm"), c.AllowsModel("deepseek-chat"), c.AllowsModel("gpt-4o"))
	fmt.Println(c.Active(time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC)), c.Active(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)))
	// Output:
	// query true true false
	// true false
}

// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package cacheredis

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed script/version.lua
	versionSource string
	//go:embed script/put.lua
	putSource string
	//go:embed script/delete.lua
	deleteSource string
	//go:embed script/purge.lua
	purgeSource string

	putScript    = redis.NewScript(versionSource + putSource)
	deleteScript = redis.NewScript(deleteSource)
	purgeScript  = redis.NewScript(versionSource + purgeSource)
)

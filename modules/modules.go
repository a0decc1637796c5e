// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package modules is the whole of Tollgate as one Caddy plugin: importing it
// registers every gateway module.
//
// It holds nothing but one import line per feature. Removing a line removes that
// feature from the build, and a program that wants a single feature imports that
// feature's package instead of this one; no feature needs another to be there. The one
// feature that is not among them, for its size, is modules/lingua.
package modules

import (
	_ "github.com/caddy-gateway/tollgate/modules/acl"
	_ "github.com/caddy-gateway/tollgate/modules/apiversion"
	_ "github.com/caddy-gateway/tollgate/modules/consumermatch"
	_ "github.com/caddy-gateway/tollgate/modules/correlationid"
	_ "github.com/caddy-gateway/tollgate/modules/gateway"
	_ "github.com/caddy-gateway/tollgate/modules/gatewayauth"
	_ "github.com/caddy-gateway/tollgate/modules/gatewaycache"
	_ "github.com/caddy-gateway/tollgate/modules/gatewaycors"
	_ "github.com/caddy-gateway/tollgate/modules/gatewayerrors"
	_ "github.com/caddy-gateway/tollgate/modules/gatewayroute"
	_ "github.com/caddy-gateway/tollgate/modules/iprestriction"
	_ "github.com/caddy-gateway/tollgate/modules/jwtauth"
	_ "github.com/caddy-gateway/tollgate/modules/keyauth"
	_ "github.com/caddy-gateway/tollgate/modules/languagematch"
	_ "github.com/caddy-gateway/tollgate/modules/languagepolicy"
	_ "github.com/caddy-gateway/tollgate/modules/languagerouter"
	_ "github.com/caddy-gateway/tollgate/modules/latencypolicy"
	_ "github.com/caddy-gateway/tollgate/modules/llmcost"
	_ "github.com/caddy-gateway/tollgate/modules/mockllm"
	_ "github.com/caddy-gateway/tollgate/modules/oauth2"
	_ "github.com/caddy-gateway/tollgate/modules/oauth2server"
	_ "github.com/caddy-gateway/tollgate/modules/quota"
	_ "github.com/caddy-gateway/tollgate/modules/redisstore"
	_ "github.com/caddy-gateway/tollgate/modules/requestguard"
	_ "github.com/caddy-gateway/tollgate/modules/requesttransform"
	_ "github.com/caddy-gateway/tollgate/modules/responsetransform"
	_ "github.com/caddy-gateway/tollgate/modules/scriptdetector"
	_ "github.com/caddy-gateway/tollgate/modules/ticket"
)

// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gatewaycache

import "github.com/caddy-gateway/tollgate/modules/internal/cachekey"

// Why a request or its answer is none for the cache, besides the reasons of httpcache and
// cachekey. They are labels of metrics.
const (
	reasonMatcher      = "matcher"     // an option bypass
	reasonUpgrade      = "upgrade"     // the connection is to speak another protocol
	reasonMethod       = "method"      // not one that is cached
	reasonBody         = "body"        // of a GET, which may ask for anything
	reasonOperation    = "operation"   // a model's endpoint whose answers are not cached
	reasonCredential   = "credential"  // there is no telling who asks
	reasonEncoding     = "encoding"    // the body, or the answer, is compressed
	reasonIncremental  = "incremental" // the body is to be forwarded as it comes
	reasonTooLarge     = "body_too_large"
	reasonNotJSON      = string(cachekey.NotJSON)
	reasonDuplicate    = string(cachekey.DuplicateMember)
	reasonTools        = "tools"        // the call has tools
	reasonTemperature  = "temperature"  // the answer is different each time
	reasonBackground   = "background"   // the answer is produced later
	reasonConversation = "conversation" // the answer depends on what was said before
	reasonUnavailable  = "store_unavailable"
	reasonForm         = "form" // what is stored cannot be given in the form that is asked for
	reasonAnswerSize   = "answer_too_large"
	reasonAnswerType   = "content_type" // of the answer
	reasonTrailer      = "trailer"      // fields come behind the answer
	reasonRefresh      = "refresh"      // made in the background
	reasonStatus       = "status"
	reasonVary         = "vary"
	reasonNoAnswer     = "no_answer" // nobody has written one
	reasonError        = "error"     // in place of an answer
)

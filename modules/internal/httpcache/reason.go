// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package httpcache

// Reason is a short word for why an answer was not served from the cache or not
// put into it. The set is closed, so that the words can be labels of metrics
// and the detail of a Cache-Status member.
type Reason uint8

// The reasons. ReasonNone is the zero value and means that nothing stands in
// the way.
const (
	ReasonNone              Reason = iota
	ReasonMiss                     // nothing is stored
	ReasonMethod                   // the method is not one the policy caches
	ReasonPrecondition             // If-Match or If-Unmodified-Since, which only the origin can judge
	ReasonRequestNoStore           // Cache-Control: no-store of the request
	ReasonRequestNoCache           // Cache-Control or Pragma: no-cache of the request
	ReasonRequestMaxAge            // older than the request allows
	ReasonRequestMinFresh          // fresh, but not for as long as the request demands
	ReasonRequestMaxStale          // stale, and the request accepts that
	ReasonOnlyIfCached             // only-if-cached and nothing usable is stored
	ReasonStale                    // past its freshness lifetime
	ReasonMustRevalidate           // past its freshness lifetime and never to be served so
	ReasonNoCache                  // no-cache of the answer: validated before each use
	ReasonWhileRevalidating        // stale within stale-while-revalidate
	ReasonOnError                  // stale within stale-if-error
	ReasonStatus                   // the status is not one the policy caches
	ReasonPartial                  // a part of a representation
	ReasonNoStore                  // no-store of the answer
	ReasonPrivate                  // private, in a cache that others share
	ReasonCredentials              // an answer to credentials, without leave to share it
	ReasonSetCookie                // the answer sets a cookie
	ReasonVary                     // varies on everything, or on more fields than are followed
	ReasonNoFreshness              // nothing says how long the answer is fresh, and it has no validator
	ReasonExpired                  // expired on arrival and not to be validated
	ReasonMismatch                 // a HEAD or 304 that speaks of another representation
	numReasons
)

var reasonWords = [numReasons]string{
	ReasonNone:              "",
	ReasonMiss:              "miss",
	ReasonMethod:            "method",
	ReasonPrecondition:      "precondition",
	ReasonRequestNoStore:    "request-no-store",
	ReasonRequestNoCache:    "request-no-cache",
	ReasonRequestMaxAge:     "request-max-age",
	ReasonRequestMinFresh:   "request-min-fresh",
	ReasonRequestMaxStale:   "request-max-stale",
	ReasonOnlyIfCached:      "only-if-cached",
	ReasonStale:             "stale",
	ReasonMustRevalidate:    "must-revalidate",
	ReasonNoCache:           "no-cache",
	ReasonWhileRevalidating: "stale-while-revalidate",
	ReasonOnError:           "stale-if-error",
	ReasonStatus:            "status",
	ReasonPartial:           "partial",
	ReasonNoStore:           "no-store",
	ReasonPrivate:           "private",
	ReasonCredentials:       "credentials",
	ReasonSetCookie:         "set-cookie",
	ReasonVary:              "vary",
	ReasonNoFreshness:       "no-freshness",
	ReasonExpired:           "expired",
	ReasonMismatch:          "mismatch",
}

// String returns the word, which is a valid token of RFC 9110; it is empty for
// ReasonNone and for values outside the set.
func (r Reason) String() string {
	if r >= numReasons {
		return ""
	}
	return reasonWords[r]
}

// Reasons returns all reasons but ReasonNone, for whoever registers metrics.
func Reasons() []Reason {
	all := make([]Reason, 0, numReasons-1)
	for r := ReasonNone + 1; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}

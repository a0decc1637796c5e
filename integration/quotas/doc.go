// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package quotas tests limits together with what is around them: authentication,
// metering, proxies, plans and stores. Its Caddy servers serve requests in the
// test's process and listen nowhere; their counters are a model's, by a clock that
// stands, so that windows pass without waiting.
package quotas

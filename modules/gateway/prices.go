// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"os"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/pricing"
)

// maxPriceFile bounds a price file; LiteLLM's whole table is 1.6 MB.
const maxPriceFile = 64 << 20

// loadPrices lays the operator's price files over the built-in book.
func (a *App) loadPrices() (*pricing.Book, error) {
	book := pricing.Default()
	for _, name := range a.PriceFiles {
		name, err := caddy.NewReplacer().ReplaceOrErr(name, true, true)
		if err != nil {
			return nil, fmt.Errorf("read price file: %w", err)
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("read price file: %w", err)
		}
		if info.Size() > maxPriceFile {
			return nil, fmt.Errorf("read price file %s: %d bytes are more than %d", name, info.Size(), maxPriceFile)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read price file: %w", err)
		}
		overlay, err := pricing.Parse(data, name)
		if err != nil {
			return nil, fmt.Errorf("read price file: %w", err)
		}
		for _, w := range overlay.Warnings() {
			a.logger.Warn("price file has an unusual price", zap.String("file", name), zap.String("detail", w))
		}
		book = book.Overlay(overlay)
	}
	return book, nil
}

// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddy-gateway/tollgate/modules/internal/apikey"
	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// oauthClient reads an OAuth 2.0 client of a consumer.
func (p *parser) oauthClient(spec *consumers.Spec, id string) (options.Set, error) {
	for i := range p.app.Consumers {
		other := &p.app.Consumers[i]
		if slices.ContainsFunc(other.Clients, func(c consumers.ClientSpec) bool { return c.ID == id }) {
			return nil, fmt.Errorf("oauth_client %q is declared already, by consumer %q", id, other.Name)
		}
	}
	spec.Clients = append(spec.Clients, consumers.ClientSpec{ID: id})
	client := &spec.Clients[len(spec.Clients)-1]
	return options.Set{
		"secret": options.Func("<secret>...", func(args []string) error {
			for _, secret := range args {
				if err := checkSecret(secret); err != nil {
					return err
				}
			}
			client.Secrets = args
			return nil
		}),
		"scopes": options.Strings(&client.Scopes),
	}, nil
}

// checkSecret refuses a secret that stands in the config in clear.
func checkSecret(literal string) error {
	if isPlaceholder(literal) {
		return nil
	}
	if _, err := apikey.Parse(literal); err != nil {
		return errors.New("a secret stands in the config as sha256:<64 hex digits> " +
			"(caddy gateway key hash prints it) or as a placeholder such as {env.NAME} or {file.PATH}")
	}
	return nil
}

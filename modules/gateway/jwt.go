// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
	"github.com/caddy-gateway/tollgate/modules/internal/options"
)

// errClearSecret is what stands in for a secret that the config shows.
var errClearSecret = errors.New("a secret stands in the config as a placeholder such as {env.NAME} or {file.PATH}, " +
	"and a public key as one, or in PEM")

// CheckSecret returns an error if a text of the config shows a secret that ResolveSecret
// would not take.
func CheckSecret(literal string) error {
	if isPlaceholder(literal) || strings.HasPrefix(strings.TrimSpace(literal), "-----BEGIN ") {
		return nil
	}
	return errClearSecret
}

// ResolveSecret returns the value of {env.NAME} or {file.PATH}, without white space around
// it, or a text in PEM as it is. Anything else is refused, so that no config, backup or
// /config/ endpoint holds a secret. Errors do not quote the value.
func ResolveSecret(literal string) (string, error) {
	if err := CheckSecret(literal); err != nil {
		return "", err
	}
	if !isPlaceholder(literal) {
		return literal, nil
	}
	value, err := caddy.NewReplacer().ReplaceOrErr(literal, true, true)
	if err != nil || strings.TrimSpace(value) == "" {
		return "", fmt.Errorf("%s is not set or empty", literal)
	}
	return strings.TrimSpace(value), nil
}

// jwt reads a credential with which a consumer signs tokens.
func (p *parser) jwt(spec *consumers.Spec, key string) (options.Set, error) {
	for i := range p.app.Consumers {
		other := &p.app.Consumers[i]
		if slices.ContainsFunc(other.JWTs, func(j consumers.JWTSpec) bool { return j.Key == key }) {
			return nil, fmt.Errorf("jwt %q is declared already, by consumer %q", key, other.Name)
		}
	}
	spec.JWTs = append(spec.JWTs, consumers.JWTSpec{Key: key})
	credential := &spec.JWTs[len(spec.JWTs)-1]
	return options.Set{
		"algorithm":     options.String(&credential.Algorithm),
		"secret":        options.Func("<secret>", secretInto(&credential.Secret)),
		"secret_base64": options.Flag(&credential.SecretBase64),
		"public_key":    options.Func("<key>", secretInto(&credential.PublicKey)),
	}, nil
}

func secretInto(into *string) func([]string) error {
	return func(args []string) error {
		*into = args[0]
		return CheckSecret(args[0])
	}
}

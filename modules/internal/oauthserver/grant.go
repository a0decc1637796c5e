// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package oauthserver

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/errors"
	"github.com/go-oauth2/oauth2/v4/models"
	lib "github.com/go-oauth2/oauth2/v4/server"

	"github.com/caddy-gateway/tollgate/modules/internal/consumers"
)

// clientKey is under which the context of a request holds its client, once that is
// authenticated.
type clientKey struct{}

// errNoScope is errors.ErrInvalidScope where a scope must be named and is not.
var errNoScope = errors.New("invalid_scope")

// newGrants sets the library up for the one grant that there is.
func newGrants(s *Server) *lib.Server {
	g := lib.NewServer(&lib.Config{
		TokenType:         "Bearer",
		AllowedGrantTypes: []oauth2.GrantType{oauth2.ClientCredentials},
	}, manager{s})
	g.ClientInfoHandler = func(r *http.Request) (string, string, error) {
		client := clientOf(r.Context())
		if client == nil {
			return "", "", errors.ErrInvalidClient
		}
		return client.ID, "", nil // it is authenticated already
	}
	g.ClientScopeHandler = s.allowScope
	return g
}

func clientOf(ctx context.Context) *consumers.Client {
	client, _ := ctx.Value(clientKey{}).(*consumers.Client)
	return client
}

// allowScope checks the scopes that a client asks for, and sets those of the token: what
// was asked for, or all of the client's.
func (s *Server) allowScope(request *oauth2.TokenGenerateRequest) (bool, error) {
	client := clientOf(request.Request.Context())
	if client == nil {
		return false, errors.ErrInvalidClient
	}
	asked := strings.Fields(request.Scope)
	if len(asked) == 0 {
		if s.config.MandatoryScope {
			return false, errNoScope
		}
		request.Scope = strings.Join(client.Scopes, " ")
		return true, nil
	}
	granted := make([]string, 0, len(client.Scopes))
	for _, scope := range asked {
		if !slices.Contains(client.Scopes, scope) {
			return false, nil
		}
		if !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	request.Scope = strings.Join(granted, " ")
	return true, nil
}

// manager makes tokens for the library. Tokens are not stored, so it has nothing to load
// and nothing to remove, and what other grants would ask for does not exist.
type manager struct{ server *Server }

// GetClient implements oauth2.Manager.
func (m manager) GetClient(_ context.Context, id string) (oauth2.ClientInfo, error) {
	if m.server.clients.Client(id) == nil {
		return nil, errors.ErrInvalidClient
	}
	return &models.Client{ID: id}, nil
}

// GenerateAccessToken implements oauth2.Manager.
func (m manager) GenerateAccessToken(ctx context.Context, grant oauth2.GrantType, request *oauth2.TokenGenerateRequest) (oauth2.TokenInfo, error) {
	client := clientOf(ctx)
	if grant != oauth2.ClientCredentials || client == nil || client.ID != request.ClientID {
		return nil, errors.ErrUnauthorizedClient
	}
	token, err := m.server.issue(ctx, client, request.Scope)
	if err != nil {
		return nil, err
	}
	info := models.NewToken()
	info.SetClientID(client.ID)
	info.SetScope(request.Scope)
	info.SetAccess(token)
	info.SetAccessExpiresIn(m.server.lifetime())
	return info, nil
}

// GenerateAuthToken implements oauth2.Manager.
func (manager) GenerateAuthToken(context.Context, oauth2.ResponseType, *oauth2.TokenGenerateRequest) (oauth2.TokenInfo, error) {
	return nil, errors.ErrUnsupportedResponseType
}

// RefreshAccessToken implements oauth2.Manager.
func (manager) RefreshAccessToken(context.Context, *oauth2.TokenGenerateRequest) (oauth2.TokenInfo, error) {
	return nil, errors.ErrUnsupportedGrantType
}

// RemoveAccessToken implements oauth2.Manager.
func (manager) RemoveAccessToken(context.Context, string) error { return errors.ErrInvalidAccessToken }

// RemoveRefreshToken implements oauth2.Manager.
func (manager) RemoveRefreshToken(context.Context, string) error {
	return errors.ErrInvalidRefreshToken
}

// LoadAccessToken implements oauth2.Manager.
func (manager) LoadAccessToken(context.Context, string) (oauth2.TokenInfo, error) {
	return nil, errors.ErrInvalidAccessToken
}

// LoadRefreshToken implements oauth2.Manager.
func (manager) LoadRefreshToken(context.Context, string) (oauth2.TokenInfo, error) {
	return nil, errors.ErrInvalidRefreshToken
}

// Interface guards
var _ oauth2.Manager = manager{}

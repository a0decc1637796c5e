// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package consumers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The members of each JSON object, in the order of the switches that read them.
var (
	fileFields = []string{"consumers"}
	specFields = []string{"name", "custom_id", "tags", "groups", "keys", "allow_ips", "models", "plan", "oauth_clients", "jwts"}
	keyFields  = []string{"key", "not_before", "until", "groups", "models", "tags"}

	clientFields = []string{"id", "secrets", "scopes"}
	jwtFields    = []string{"key", "algorithm", "secret", "secret_base64", "public_key"}
)

// ReadJSON reads consumers from a JSON array of Spec objects, or from an object
// whose only member, consumers, is such an array. It reads r to its end. An
// error names the line and the consumer.
func ReadJSON(r io.Reader) ([]Spec, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read consumers: %w", err)
	}
	return parseJSON(data)
}

func parseJSON(data []byte) ([]Spec, error) {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	c := &cursor{data: data}
	var specs []Spec
	var err error
	if c.peek() == '{' {
		found := false
		err = c.object(fileFields, func(int) error {
			found = true
			return c.specs(&specs)
		})
		if err == nil && !found {
			err = errors.New("the object has no member consumers")
		}
	} else {
		err = c.specs(&specs)
	}
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", lineAt(data, c.pos), err)
	}
	return specs, nil
}

// checkJSON makes sure that data is one JSON value in UTF-8, which the cursor
// relies on.
func checkJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	if json.Valid(data) {
		return nil
	}
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("line %d: %w", lineAt(data, int(syntax.Offset)), err)
	}
	return err
}

func lineAt(data []byte, offset int) int {
	return 1 + bytes.Count(data[:min(offset, len(data))], []byte("\n"))
}

// UnmarshalJSON reads one consumer, strictly.
func (s *Spec) UnmarshalJSON(data []byte) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	*s = Spec{}
	return (&cursor{data: data}).spec(s)
}

// UnmarshalJSON reads one key, strictly.
func (k *KeySpec) UnmarshalJSON(data []byte) error {
	if err := checkJSON(data); err != nil {
		return err
	}
	*k = KeySpec{}
	return (&cursor{data: data}).key(k)
}

// specs reads an array of consumers.
func (c *cursor) specs(out *[]Spec) error {
	return c.array(func(i int) error {
		*out = append(*out, Spec{})
		s := &(*out)[i]
		if err := c.spec(s); err != nil {
			return fmt.Errorf("%s: %w", specLabel(i, s.Name), err)
		}
		return nil
	})
}

func (c *cursor) spec(s *Spec) error {
	return c.object(specFields, func(field int) (err error) {
		switch field {
		case 0:
			s.Name, err = c.text()
		case 1:
			s.CustomID, err = c.text()
		case 2:
			s.Tags, err = c.texts()
		case 3:
			s.Groups, err = c.texts()
		case 4:
			if c.null() {
				return nil
			}
			return c.array(func(i int) error {
				s.Keys = append(s.Keys, KeySpec{})
				if err := c.key(&s.Keys[i]); err != nil {
					return fmt.Errorf("key %d: %w", i+1, err)
				}
				return nil
			})
		case 5:
			s.AllowIPs, err = c.limits()
		case 6:
			s.Models, err = c.limits()
		case 7:
			s.Plan, err = c.text()
		case 8:
			s.Clients, err = c.oauthClients()
		case 9:
			s.JWTs, err = c.jwts()
		}
		return err
	})
}

// oauthClients reads an array of OAuth 2.0 clients.
func (c *cursor) oauthClients() (list []ClientSpec, err error) {
	if c.null() {
		return nil, nil
	}
	err = c.array(func(i int) error {
		list = append(list, ClientSpec{})
		s := &list[i]
		err := c.object(clientFields, func(field int) (err error) {
			switch field {
			case 0:
				s.ID, err = c.text()
			case 1:
				s.Secrets, err = c.texts()
			case 2:
				s.Scopes, err = c.texts()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("client %d: %w", i+1, err)
		}
		return nil
	})
	return list, err
}

func (c *cursor) key(k *KeySpec) (err error) {
	if c.peek() == '"' {
		k.Key, err = c.text()
		return err
	}
	return c.object(keyFields, func(field int) (err error) {
		switch field {
		case 0:
			k.Key, err = c.text()
		case 1:
			k.NotBefore, err = c.text()
		case 2:
			k.Until, err = c.text()
		case 3:
			k.Groups, err = c.limits()
		case 4:
			k.Models, err = c.limits()
		case 5:
			k.Tags, err = c.texts()
		}
		return err
	})
}

// jwts reads an array of credentials for tokens.
func (c *cursor) jwts() (list []JWTSpec, err error) {
	if c.null() {
		return nil, nil
	}
	err = c.array(func(i int) error {
		list = append(list, JWTSpec{})
		s := &list[i]
		err := c.object(jwtFields, func(field int) (err error) {
			switch field {
			case 0:
				s.Key, err = c.text()
			case 1:
				s.Algorithm, err = c.text()
			case 2:
				s.Secret, err = c.text()
			case 3:
				s.SecretBase64, err = c.flag()
			case 4:
				s.PublicKey, err = c.text()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("jwt %d: %w", i+1, err)
		}
		return nil
	})
	return list, err
}

// limits reads a list of what is permitted. An empty one is refused: it could
// mean everything or nothing, and guessing wrong opens a door.
func (c *cursor) limits() ([]string, error) {
	list, err := c.texts()
	if err == nil && list != nil && len(list) == 0 {
		return nil, errors.New("the list is empty; leave the member out to permit everything")
	}
	return list, err
}

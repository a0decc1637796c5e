// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package apikey

import (
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"strings"
)

const (
	// Prefix starts every generated key, so that secret scanners can find one.
	Prefix = "tg_"

	alphabet       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	randomLength   = 43 // 43 * log2(62) = 256.03 bits
	checksumLength = 6  // 62^6 > 2^32

	// Length is the length in bytes of every generated key.
	Length = len(Prefix) + randomLength + checksumLength
)

// New returns a new random key: Prefix, 43 base62 characters from the
// operating system's random source (256 bits), and the base62 CRC-32 of all
// that, padded to six characters. The checksum is no protection; it lets a
// scanner tell a key from a look-alike without asking the gateway.
func New() (string, error) {
	key := make([]byte, 0, Length)
	key = append(key, Prefix...)
	var buffer [64]byte
	for len(key) < len(Prefix)+randomLength {
		if _, err := rand.Read(buffer[:]); err != nil {
			return "", fmt.Errorf("read random bytes: %w", err)
		}
		for _, b := range buffer {
			// Six bits, values above 61 thrown away: every character is
			// equally likely, which a remainder of 256 would not give.
			b &= 63
			if int(b) < len(alphabet) && len(key) < len(Prefix)+randomLength {
				key = append(key, alphabet[b])
			}
		}
	}
	return string(appendChecksum(key)), nil
}

// WellFormed reports whether key has the form that New gives it, checksum
// included. It needs no secret and no network, and says nothing about whether
// the key is or was valid anywhere. Keys from elsewhere are not well-formed
// and work none the less.
func WellFormed(key string) bool {
	if len(key) != Length || !strings.HasPrefix(key, Prefix) {
		return false
	}
	for i := len(Prefix); i < len(key); i++ {
		if strings.IndexByte(alphabet, key[i]) < 0 {
			return false
		}
	}
	body := key[:Length-checksumLength]
	return string(appendChecksum([]byte(body))) == key
}

// appendChecksum appends the checksum of key to it, most significant digit first.
func appendChecksum(key []byte) []byte {
	sum := crc32.ChecksumIEEE(key)
	var digits [checksumLength]byte
	for i := checksumLength - 1; i >= 0; i-- {
		digits[i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return append(key, digits[:]...)
}

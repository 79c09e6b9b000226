package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0.0.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

const (
	secretPrefix = "whsec_"
	minKey       = 24 // bytes, as the specification has it
	maxKey       = 64
)

// ErrSecret says that a secret is none of Standard Webhooks. It never quotes it.
var ErrSecret = errors.New("must be " + secretPrefix + " and 24 to 64 random bytes as base64")

// Signer signs as Standard Webhooks 1.0.0 (https://www.standardwebhooks.com) has
// it for symmetric keys.
type Signer struct{ keys [][]byte }

// NewSigner reads one secret, or several with spaces between: each then signs, so that receivers
// can change to the new one at any time. Errors: ErrSecret.
func NewSigner(secrets string) (Signer, error) {
	var s Signer
	for _, secret := range strings.Fields(secrets) {
		text, ok := strings.CutPrefix(secret, secretPrefix)
		key, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(key) < minKey || len(key) > maxKey {
			// without the library's error, which tells what is in the secret
			return Signer{}, ErrSecret
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 0 {
		return Signer{}, ErrSecret
	}
	return s, nil
}

// Header returns the headers of a message: its id, the moment of this attempt, and for each key the
// HMAC-SHA256 of "id.seconds since 1970.body". An id must not have a dot in it.
func (s Signer) Header(id string, at time.Time, body []byte) http.Header {
	seconds := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(s.keys))
	for i, key := range s.keys {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.", id, seconds)
		_, _ = mac.Write(body) // never fails
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return http.Header{headerID: {id}, headerTimestamp: {seconds}, headerSignature: {
		strings.Join(signatures, " "),
	}}
}

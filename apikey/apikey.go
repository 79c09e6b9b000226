// Package apikey knows who may use the public API: names and sums of keys in a file that is read
// again when it changes.
//
// A key is 256 random bits. There is nothing to guess, so its plain SHA-256 is enough for the file:
// salt and slow hashes are for passwords, which people choose. The package imports reload and
// nothing else of bgremove's.
package apikey

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const (
	prefix    = "bgr_" // tells people, and scanners for leaked secrets, what it is
	keyBytes  = 32
	maxBudget = 1_000_000 // megapixels per minute
	maxFaults = 10        // a file that is no list of keys at all is not told line by line
)

var (
	validName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	errName   = errors.New("the name must be 1 to 64 letters, digits, ., _ or -, and has no colon")
)

// Key is one line of the file.
type Key struct {
	Name                string // 1 to 64 letters, digits, ".", "_" or "-"
	MegapixelsPerMinute int    // the key's budget; 0 means none
	sum                 [sha256.Size]byte
}

// New makes a key; secret is what its holder presents, and is kept nowhere. The error says what is
// wrong with the arguments.
func New(name string, megapixelsPerMinute int) (secret string, k Key, err error) {
	// in a line, what follows a colon would read as another part of it
	if !validName.MatchString(name) {
		return "", Key{}, errName
	}
	var random [keyBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	secret = prefix + hex.EncodeToString(random[:])
	k = Key{
		Name: name, MegapixelsPerMinute: megapixelsPerMinute, sum: sha256.Sum256([]byte(secret)),
	}
	if _, err := parseLine(k.Line()); err != nil { // one set of rules
		return "", Key{}, err
	}
	return secret, k, nil
}

// Line is the key as the file has it: name:sha256hex[:megapixels_per_minute].
func (k Key) Line() string {
	line := k.Name + ":" + hex.EncodeToString(k.sum[:])
	if k.MegapixelsPerMinute != 0 {
		line += ":" + strconv.Itoa(k.MegapixelsPerMinute)
	}
	return line
}

// parse reads the lines of a file; blank ones and those that begin with # say nothing. Its error
// holds the faults, each with file and line, and quotes nothing of a line but a valid name:
// somebody may have put a key there.
func parse(file string, data []byte) ([]Key, error) {
	var keys []Key
	var errs []error
	names, sums := map[string]int{}, map[[sha256.Size]byte]int{} // and the lines they are in
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseLine(line)
		switch {
		case err != nil:
		case names[k.Name] > 0:
			err = fmt.Errorf("the name %s is in line %d already", k.Name, names[k.Name])
		case sums[k.sum] > 0:
			err = fmt.Errorf("the key is in line %d already", sums[k.sum])
		default:
			names[k.Name], sums[k.sum] = number, number
			keys = append(keys, k)
			continue
		}
		if errs = append(errs, fmt.Errorf("%s:%d: %w", file, number, err)); len(errs) == maxFaults {
			break
		}
	}
	return keys, errors.Join(errs...)
}

func parseLine(line string) (Key, error) {
	parts := strings.Split(line, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return Key{}, fmt.Errorf(
			"must be name:sha256 or name:sha256:megapixels_per_minute, 2 or 3 parts, has %d",
			len(parts))
	}
	k := Key{Name: parts[0]}
	if !validName.MatchString(k.Name) {
		return Key{}, errName
	}
	if n, err := hex.Decode(k.sum[:], []byte(parts[1][:min(len(parts[1]), 2*sha256.Size)])); err !=
		nil || n != sha256.Size || len(parts[1]) != 2*sha256.Size {
		return Key{},
			fmt.Errorf("the second part must be the SHA-256 sum of a key, 64 hex digits, has %d",
				len(parts[1]))
	}
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 1 || n > maxBudget || strconv.Itoa(n) != parts[2] {
			return Key{}, fmt.Errorf("the megapixels per minute must be a number from 1 to %d; "+
				"without a third part there is no limit", maxBudget)
		}
		k.MegapixelsPerMinute = n
	}
	return k, nil
}

type contextKey struct{}

// NewContext is ctx for work on behalf of the key's holder.
func NewContext(ctx context.Context, k Key) context.Context {
	return context.WithValue(ctx, contextKey{}, k)
}

// FromContext is the key on whose behalf ctx is; there is none where no keys are asked for.
func FromContext(ctx context.Context) (k Key, ok bool) {
	k, ok = ctx.Value(contextKey{}).(Key)
	return k, ok
}

// Name is the name of FromContext's key, empty where there is none.
func Name(ctx context.Context) string {
	k, _ := FromContext(ctx)
	return k.Name
}

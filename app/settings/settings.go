// Package settings reads the configuration in its layers (defaults, config file, environment,
// flags), remembers where each value comes from, and prints it. It imports app, for its Config.
package settings

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"bgremove/app"
)

const (
	// File is read from the working directory where no file is named.
	File = "config.yaml"

	fileEnv     = EnvPrefix + "CONFIG" // names the file, as --config does
	maxFileSize = 1 << 20              // bytes
)

// Variables of the commands that talk to a server. The configuration takes no notice of them.
const (
	ServerEnv = EnvPrefix + "SERVER"
	KeyEnv    = EnvPrefix + "KEY"
	CAEnv     = EnvPrefix + "CACERT"
)

// Settings is a Config together with what is known about each of its keys.
type Settings struct {
	Config app.Config
	Keys   []*Key // in the order of the fields of Config
	faults []error
}

// Default returns the settings of the first layer.
func Default() *Settings {
	s := &Settings{Config: app.DefaultConfig()}
	s.Keys = keysOf(reflect.ValueOf(&s.Config).Elem(), "")
	return s
}

// Load reads every layer: defaults, the config file, the environment, flags; a later one wins. flag
// returns the text of a flag that was given. The error is an app.UsageError that holds every fault
// of every layer, one per line.
func Load(environ []string, flag func(name string) (text string, given bool)) (*Settings, error) {
	s := Default()
	s.readFile(environ, flag)
	s.readEnv(environ)
	for _, k := range s.Keys {
		if text, given := flag(k.Flag()); given {
			s.set(k, text, "--"+k.Flag())
		}
	}
	s.validate()
	if len(s.faults) > 0 {
		return nil, app.Usagef("bad configuration\n%w", errors.Join(s.faults...))
	}
	return s, nil
}

func (s *Settings) key(name string) *Key {
	for _, k := range s.Keys {
		if k.Name == name {
			return k
		}
	}
	return nil
}

func (s *Settings) set(k *Key, text, origin string) {
	if err := k.set(text, origin); err != nil {
		k.faulty = true
		s.fault(origin, "%s: %w", k.Name, err)
	}
}

func (s *Settings) fault(origin, format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf("%s: %w", origin, fmt.Errorf(format, args...)))
}

// readFile reads the file that --config or else BGREMOVE_CONFIG names, or
// ./config.yaml where it exists.
func (s *Settings) readFile(environ []string, flag func(string) (string, bool)) {
	path, origin := "", ""
	for _, variable := range environ {
		if value, ok := strings.CutPrefix(variable, fileEnv+"="); ok && value != "" {
			path, origin = value, fileEnv
		}
	}
	if text, given := flag("config"); given {
		path, origin = text, "--config"
	}
	data, err := readLimited(cmp.Or(path, File))
	switch {
	case err == nil:
		s.readYAML(cmp.Or(path, File), data)
	case origin != "":
		s.fault(origin, "%w", err)
	case !errors.Is(err, fs.ErrNotExist):
		s.fault(File, "%w", err)
	}
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFileSize)
	}
	return data, err
}

// readYAML reads nodes, not a struct: KnownFields and Decode stop at the first fault of some
// kinds, tell no line of a good value, and let 1.5 pass for 1. Nodes also leave aliases alone,
// so that none can swell.
func (s *Settings) readYAML(file string, data []byte) {
	var doc, next yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) { // an empty file
			s.fault(file, "%w", err)
		}
		return
	}
	if err := decoder.Decode(&next); err == nil {
		s.fault(fmt.Sprintf("%s:%d", file, next.Line), "a second document; there must be one")
	} else if !errors.Is(err, io.EOF) {
		s.fault(file, "%w", err)
	}
	s.readSection(file, "", doc.Content[0])
}

// readSection reads the keys below name, which is empty for the whole file.
func (s *Settings) readSection(file, name string, node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" { // every key below is commented out
		return
	}
	if node.Kind != yaml.MappingNode {
		s.fault(fmt.Sprintf("%s:%d", file, node.Line), "%s: must hold keys and their values",
			cmp.Or(name, "the file"))
		return
	}
	lineOf := map[string]int{}
	for pair := range slices.Chunk(node.Content, 2) {
		child, value := pair[0].Value, pair[1]
		if name != "" {
			child = name + "." + child
		}
		origin := fmt.Sprintf("%s:%d", file, pair[0].Line)
		if line, ok := lineOf[child]; ok {
			s.fault(origin, "%s: is set a second time; the first is in line %d", child, line)
			continue
		}
		lineOf[child] = pair[0].Line
		s.readPair(file, origin, child, value)
	}
}

func (s *Settings) readPair(file, origin, name string, value *yaml.Node) {
	isSection := func(k *Key) bool { return strings.HasPrefix(k.Name, name+".") }
	k := s.key(name)
	switch {
	case slices.ContainsFunc(s.Keys, isSection):
		s.readSection(file, name, value)
	case k == nil:
		s.fault(origin, "%s: unknown key%s", name,
			s.suggest(name, func(k *Key) string { return k.Name }))
	case value.Kind != yaml.ScalarNode:
		k.faulty = true
		s.fault(origin, "%s: must be a single value", name)
	case value.Tag == "!!null":
		k.faulty = true
		s.fault(origin,
			`%s: has no value; leave the key out for the default, or write "" for an empty text`,
			name)
	default:
		s.set(k, value.Value, origin)
	}
}

// serviceLink is what Kubernetes sets in a pod for a service whose name starts with
// bgremove; see readEnv.
var serviceLink = regexp.MustCompile(
	`^BGREMOVE_(\w+_)?(SERVICE_HOST=|SERVICE_PORT|PORT_\d+_(TCP|UDP|SCTP)|PORT=(tcp|udp|sctp)://)`)

func (s *Settings) readEnv(environ []string) {
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, EnvPrefix) || name == fileEnv || name == ServerEnv ||
			name == KeyEnv || name == CAEnv {
			continue
		}
		i := slices.IndexFunc(s.Keys, func(k *Key) bool { return k.env() == name })
		switch {
		case i >= 0:
			s.set(s.Keys[i], text, name)
		case serviceLink.MatchString(variable): // nobody wrote it, so it is no mistake of anybody's
		default:
			s.fault(name, "unknown variable%s", s.suggest(name, (*Key).env))
		}
	}
}

func (s *Settings) validate() {
	for _, fault := range app.Faults(s.Config.Validate()) {
		name, message, _ := strings.Cut(fault, ": ")
		switch k := s.key(name); {
		case k == nil:
			s.faults = append(s.faults, errors.New(fault))
		case k.faulty: // told already
		default:
			if k.secret != "" {
				message = k.hide(message)
			}
			s.fault(k.origin, "%s: %s", name, message)
		}
	}
}

// suggest is "; did you mean X?" for the closest name of a key, or nothing where none is close.
func (s *Settings) suggest(unknown string, nameOf func(*Key) string) string {
	best, bestDistance := "", min(4, len(unknown)/4+1)
	for _, k := range s.Keys {
		if d := editDistance(unknown, nameOf(k)); d < bestDistance {
			best, bestDistance = nameOf(k), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// editDistance is Levenshtein's: how many bytes to insert, delete or replace to get from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

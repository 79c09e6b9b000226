package cmd

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

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

const (
	configFile    = "config.yaml"        // read from the working directory where no file is named
	configEnv     = envPrefix + "CONFIG" // names the file, as --config does
	maxConfigSize = 1 << 20              // bytes
)

// settings is a Config together with what is known about each of its keys.
type settings struct {
	Config Config
	keys   []*key // in the order of the fields of Config
	faults []error
}

func defaultSettings() *settings {
	s := &settings{Config: DefaultConfig()}
	s.keys = keysOf(reflect.ValueOf(&s.Config).Elem(), "")
	return s
}

// addConfigFlags gives cmd and its subcommands --config and one flag per key.
func addConfigFlags(cmd *cobra.Command) {
	addConfigFileFlag(cmd)
	flags := cmd.PersistentFlags()
	for _, k := range defaultSettings().keys {
		flags.Var(&flagText{kind: k.kind()}, k.flag(), fmt.Sprintf("%s (default %s)", k.help, yamlText(k.value())))
		if k.kind() == "bool" {
			flags.Lookup(k.flag()).NoOptDefVal = "true"
		}
	}
}

// addEngineFlags is addConfigFlags for a command that runs the engine alone: it takes the others as serve does, but they change nothing there.
func addEngineFlags(cmd *cobra.Command) {
	addConfigFlags(cmd)
	cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) {
		f.Hidden = f.Name != "config" && !strings.HasPrefix(f.Name, "imaging-")
	})
}

// addConfigFileFlag gives cmd and its subcommands --config.
func addConfigFileFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("config", "", "configuration file (default ./"+configFile+" if it exists)")
	cobra.CheckErr(cmd.MarkPersistentFlagFilename("config", "yaml", "yml"))
}

// flagText keeps a flag's value as it was given: loadConfig reads it after the other layers, to tell all faults at once.
type flagText struct{ text, kind string }

func (f *flagText) Set(text string) error { f.text = text; return nil }
func (f *flagText) String() string        { return f.text }
func (f *flagText) Type() string          { return f.kind }

// loadConfig reads every layer for a command below one that addConfigFlags was called on: defaults, the config file, the
// environment, flags; a later one wins. Its error is a usageError that holds every fault of every layer, one per line.
func loadConfig(cmd *cobra.Command) (*settings, error) {
	return load(os.Environ(), cmd.Flags())
}

func load(environ []string, flags *pflag.FlagSet) (*settings, error) {
	s := defaultSettings()
	s.readFile(environ, flags)
	s.readEnv(environ)
	for _, k := range s.keys {
		if f := flags.Lookup(k.flag()); f != nil && f.Changed {
			s.set(k, f.Value.String(), "--"+f.Name)
		}
	}
	s.validate()
	if len(s.faults) > 0 {
		return nil, usageError{fmt.Errorf("bad configuration\n%w", errors.Join(s.faults...))}
	}
	return s, nil
}

func (s *settings) key(name string) *key {
	for _, k := range s.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (s *settings) set(k *key, text, origin string) {
	if err := k.set(text, origin); err != nil {
		k.faulty = true
		s.fault(origin, "%s: %w", k.name, err)
	}
}

func (s *settings) fault(origin, format string, args ...any) {
	s.faults = append(s.faults, fmt.Errorf("%s: %w", origin, fmt.Errorf(format, args...)))
}

// readFile reads the file that --config or else BGREMOVE_CONFIG names, or ./config.yaml where it exists.
func (s *settings) readFile(environ []string, flags *pflag.FlagSet) {
	path, origin := "", ""
	for _, variable := range environ {
		if value, ok := strings.CutPrefix(variable, configEnv+"="); ok && value != "" {
			path, origin = value, configEnv
		}
	}
	if f := flags.Lookup("config"); f != nil && f.Changed {
		path, origin = f.Value.String(), "--config"
	}
	data, err := readLimited(cmp.Or(path, configFile))
	switch {
	case err == nil:
		s.readYAML(cmp.Or(path, configFile), data)
	case origin != "":
		s.fault(origin, "%w", err)
	case !errors.Is(err, fs.ErrNotExist):
		s.fault(configFile, "%w", err)
	}
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigSize+1))
	if len(data) > maxConfigSize {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxConfigSize)
	}
	return data, err
}

// readYAML reads nodes, not a struct: KnownFields and Decode stop at the first fault of some kinds, tell no line of a good
// value, and let 1.5 pass for 1. Nodes also leave aliases alone, so that none can swell.
func (s *settings) readYAML(file string, data []byte) {
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
func (s *settings) readSection(file, name string, node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" { // every key below is commented out
		return
	}
	if node.Kind != yaml.MappingNode {
		s.fault(fmt.Sprintf("%s:%d", file, node.Line), "%s: must hold keys and their values", cmp.Or(name, "the file"))
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

func (s *settings) readPair(file, origin, name string, value *yaml.Node) {
	isSection := func(k *key) bool { return strings.HasPrefix(k.name, name+".") }
	k := s.key(name)
	switch {
	case slices.ContainsFunc(s.keys, isSection):
		s.readSection(file, name, value)
	case k == nil:
		s.fault(origin, "%s: unknown key%s", name, s.suggest(name, func(k *key) string { return k.name }))
	case value.Kind != yaml.ScalarNode:
		k.faulty = true
		s.fault(origin, "%s: must be a single value", name)
	case value.Tag == "!!null":
		k.faulty = true
		s.fault(origin, `%s: has no value; leave the key out for the default, or write "" for an empty text`, name)
	default:
		s.set(k, value.Value, origin)
	}
}

// serviceLink is what Kubernetes sets in a pod for a service whose name starts with bgremove; see readEnv.
var serviceLink = regexp.MustCompile(`^BGREMOVE_(\w+_)?(SERVICE_HOST=|SERVICE_PORT|PORT_\d+_(TCP|UDP|SCTP)|PORT=(tcp|udp|sctp)://)`)

func (s *settings) readEnv(environ []string) {
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, envPrefix) || name == configEnv || name == serverEnv || name == keyEnv || name == caEnv {
			continue
		}
		i := slices.IndexFunc(s.keys, func(k *key) bool { return k.env() == name })
		switch {
		case i >= 0:
			s.set(s.keys[i], text, name)
		case serviceLink.MatchString(variable): // nobody wrote it, so it is no mistake of anybody's
		default:
			s.fault(name, "unknown variable%s", s.suggest(name, (*key).env))
		}
	}
}

func (s *settings) validate() {
	for _, fault := range lines(s.Config.Validate()) {
		name, message, _ := strings.Cut(fault, ": ")
		switch k := s.key(name); {
		case k == nil:
			s.faults = append(s.faults, errors.New(fault))
		case k.faulty: // told already
		default:
			s.fault(k.origin, "%s: %s", name, k.hide(message))
		}
	}
}

// suggest is "; did you mean X?" for the closest name of a key, or nothing where none is close.
func (s *settings) suggest(unknown string, nameOf func(*key) string) string {
	best, bestDistance := "", min(4, len(unknown)/4+1)
	for _, k := range s.keys {
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

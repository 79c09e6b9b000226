package settings

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"bgremove/terminal"
)

const fileHead = `# Every setting of bgremove with its default. ` + "`bgremove config print --defaults`" + ` writes this file.
#
# A variable wins over this file and a flag over both; they are named above each key. Times carry their unit (90s, 5m,
# 1h30m) and sizes have it in their name. An unknown key or variable is an error. A key that is left out has its default.`

// Print writes every setting as YAML, each with where its value comes from. Passwords are hidden.
func (s *Settings) Print(w io.Writer) error {
	return printYAML(w, s.Keys, func(k *Key) (head, tail string) { return "", " # " + k.origin })
}

// PrintDefaults writes a commented config file of the defaults.
func PrintDefaults(w io.Writer) error {
	if _, err := fmt.Fprint(w, fileHead, "\n\n"); err != nil {
		return err
	}
	return printYAML(w, Default().Keys, func(k *Key) (head, tail string) {
		return fmt.Sprintf("# %s\n# %s, --%s\n", k.help, k.env(), k.Flag()), ""
	})
}

// printYAML writes keys as nested mappings. comments returns the lines above a key and
// what follows its value.
func printYAML(w io.Writer, keys []*Key, comments func(*Key) (head, tail string)) error {
	var text strings.Builder
	section := ""
	for _, k := range keys {
		parent, name, nested := strings.Cut(k.Name, ".")
		indent := "  "
		if !nested {
			parent, name, indent = "", k.Name, ""
		}
		if text.Len() > 0 && (parent != section || !nested) {
			text.WriteByte('\n')
		}
		if nested && parent != section {
			fmt.Fprintf(&text, "%s:\n", parent)
		}
		section = parent
		head, tail := comments(k)
		for line := range strings.Lines(head) {
			text.WriteString(indent + line)
		}
		fmt.Fprintf(&text, "%s%s: %s%s\n", indent, name, yamlText(k.value()), tail)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// PrintJSON writes an object of key to value and origin. Passwords are hidden.
func (s *Settings) PrintJSON(w io.Writer) error {
	type entry struct {
		Value  any    `json:"value"`
		Origin string `json:"origin"`
	}
	entries := map[string]entry{}
	for _, k := range s.Keys {
		entries[k.Name] = entry{k.value(), k.origin}
	}
	return terminal.PrintObject(w, entries)
}

// yamlText is a scalar, quoted where YAML needs it.
func yamlText(value any) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%q", value)
	}
	return strings.TrimSpace(string(text))
}

// Origins counts where settings come from, as in "3 from config.yaml, 1 from a variable".
func (s *Settings) Origins() string {
	counts := map[string]int{}
	for _, k := range s.Keys {
		switch file, _, fromFile := strings.Cut(k.origin, ":"); {
		case k.origin == "default":
		case strings.HasPrefix(k.origin, "--"):
			counts["flags"]++
		case fromFile:
			counts[file]++
		default:
			counts["variables"]++
		}
	}
	var parts []string
	for from, n := range counts {
		parts = append(parts, fmt.Sprintf("%d from %s", n, from))
	}
	slices.Sort(parts)
	return cmp.Or(strings.Join(parts, ", "), "all by default")
}

// Hide takes every secret of the configuration out of a text.
func (s *Settings) Hide(text string) string {
	for _, k := range s.Keys {
		if k.secret == "" {
			continue
		}
		if secret := *k.field.(*string); secret != "" && strings.Contains(text, secret) {
			text = k.hide(text)
		}
	}
	return text
}

package intake

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/queue"
)

// Options are all that a request may ask for: how to cut, and how the job is to be treated.
type Options struct {
	option.Options
	Priority    queue.Priority
	TTL         time.Duration // of the result; 0 for the configured one
	KeepInput   bool
	CallbackURL string // who is told of the job's end; empty for nobody
	ImageURL    string // where the picture is, if it was not sent; else empty
}

// Keys of a job's own options.
const (
	keyPriority = "priority"
	keyTTL      = "ttl"
	keyKeep     = "keep_input"
	keyCallback = "callback_url"
	KeyImageURL = "image_url"
)

// jobOption is one row of the options of a job.
type jobOption struct {
	option.Option
	parse func(in *Intake, o *Options, text string) error
	text  func(o, preset Options) string // what parse reads; empty for what need not be kept
}

const (
	maxShort = 64
	maxURL   = 2 << 10
)

// jobOptions are all there are: a new one is one row here.
var jobOptions = []jobOption{
	{
		option.Option{
			Name: keyPriority, Kind: option.Choice, Values: priorities[:], MaxText: maxShort,
		},
		func(_ *Intake, o *Options, s string) (err error) {
			o.Priority, err = parsePriority(s)
			return err
		},
		func(o, _ Options) string {
			if o.Priority == queue.Normal {
				return ""
			}
			return priorities[o.Priority]
		},
	},
	{
		option.Option{Name: keyTTL, Kind: option.Text, MaxText: maxShort},
		func(in *Intake, o *Options, s string) (err error) {
			o.TTL, err = in.parseTTL(s)
			return err
		},
		func(o, _ Options) string {
			if o.TTL == 0 {
				return ""
			}
			return o.TTL.String()
		},
	},
	{
		option.Option{Name: keyKeep, Kind: option.Switch, MaxText: maxShort},
		func(_ *Intake, o *Options, s string) (err error) {
			if o.KeepInput, err = strconv.ParseBool(s); err != nil {
				return fmt.Errorf("%w: %s: must be true or false, is %.64q",
					picture.ErrOption, keyKeep, s)
			}
			return nil
		},
		func(o, preset Options) string {
			if o.KeepInput == preset.KeepInput {
				return ""
			}
			return strconv.FormatBool(o.KeepInput)
		},
	},
	{
		option.Option{Name: keyCallback, Kind: option.Text, MaxText: maxURL},
		func(_ *Intake, o *Options, s string) error { o.CallbackURL = s; return nil },
		func(o, _ Options) string { return o.CallbackURL },
	},
	{
		option.Option{Name: KeyImageURL, Kind: option.Text, MaxText: maxURL},
		func(_ *Intake, o *Options, s string) error { o.ImageURL = s; return nil },
		func(Options, Options) string { return "" },
	},
}

// Table returns every option of a request: those of its picture, then those of its job.
func Table() []option.Option {
	table := option.Table()
	for _, o := range jobOptions {
		table = append(table, o.Option)
	}
	return table
}

// Keys returns the names of every option.
func Keys() []string {
	var keys []string
	for _, o := range Table() {
		keys = append(keys, o.Name)
	}
	return keys
}

// priorities are the words for them, in their order.
var priorities = [...]string{"interactive", "normal", "bulk"}

// Priorities returns the words for priorities, in their order.
func Priorities() [3]string { return priorities }

// Preset returns what counts where a request does not say.
func (in *Intake) Preset(p queue.Priority) Options {
	return Options{Priority: p, KeepInput: in.cfg.KeepInput}
}

// Parse reads every option, by the keys that Keys returns; files has those that came as bytes.
// Every fault is joined, and each is an ErrOption.
func (in *Intake) Parse(
	get func(key string) string, files map[string][]byte, preset Options,
) (Options, error) {
	o := preset
	var err error
	o.Options, err = option.ParseFiles(get, files)
	errs := []error{err}
	for _, opt := range jobOptions {
		if s := get(opt.Name); s != "" {
			errs = append(errs, opt.parse(in, &o, s))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Options{}, err
	}
	if o.CallbackURL != "" {
		err = in.checkCallback(o.CallbackURL)
	}
	return o, err
}

func parsePriority(s string) (queue.Priority, error) {
	for p, word := range priorities {
		if s == word {
			return queue.Priority(p), nil
		}
	}
	const text = "%w: %s: must be interactive, normal or bulk, is %.64q"
	return 0, fmt.Errorf(text, picture.ErrOption, keyPriority, s)
}

// parseTTL reads 90s, 15m or a number of seconds.
func (in *Intake) parseTTL(s string) (time.Duration, error) {
	d, err := ParseDuration(s)
	longest := in.Jobs.MaxTTL()
	if err != nil || d < time.Second || d > longest {
		const text = "%w: %s: must be 1s to %gs, is %.64q"
		return 0, fmt.Errorf(text, picture.ErrOption, keyTTL, longest.Seconds(), s)
	}
	return d, nil
}

// ParseDuration reads Go's notation, or a plain number of seconds.
func ParseDuration(s string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		if seconds < 0 || seconds > 1e9 || seconds != seconds {
			return 0, errors.New("out of range")
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
	return time.ParseDuration(s)
}

// longOption is how long an option's text may be to be kept with the job, in bytes.
const longOption = 1 << 10

// About is what the queue keeps of a job for the intake, as JSON.
type About struct {
	Options map[string]string `json:"options,omitempty"` // given ones, each as it can be sent again
	// bytes of those that are too long to be kept
	Long  map[string]int `json:"long,omitempty"`
	Input InputInfo      `json:"input"`
}

// InputInfo is what is known of the picture that was sent. Sizes are in px, with the orientation
// applied.
type InputInfo struct {
	Bytes       int64  `json:"bytes"`
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
	ContentType string `json:"content_type,omitempty"`
}

// AboutJob returns what was kept of a job. Jobs of other submitters have nothing.
func AboutJob(j queue.Job) (a About) {
	_ = json.Unmarshal([]byte(j.About), &a) // ours
	a.Input.Bytes = j.Bytes
	return a
}

// about returns what is to be kept of a job with these options.
func (in *Intake) about(o Options, input InputInfo) About {
	a := About{Options: map[string]string{}, Long: map[string]int{}, Input: input}
	for key, texts := range o.WithoutFiles().Values() {
		if a.Options[key] = texts[0]; len(texts[0]) > longOption {
			a.Long[key] = len(texts[0])
			delete(a.Options, key)
		}
	}
	for key, file := range o.Files() {
		if n := base64.RawURLEncoding.EncodedLen(len(file)); n > longOption {
			a.Long[key] = n
		} else {
			a.Options[key] = base64.RawURLEncoding.EncodeToString(file)
		}
	}
	for _, opt := range jobOptions {
		if text := opt.text(o, in.Preset(0)); text != "" {
			a.Options[opt.Name] = text
		}
	}
	return a
}

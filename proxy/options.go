package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/queue"
)

// options are all that a request may ask for, whichever face it came through: how to cut, and how the job is to be treated.
type options struct {
	option.Options
	priority  queue.Priority
	ttl       time.Duration // of the result; 0 for the configured one
	keepInput bool
	callback  string // URL; empty for none
}

const maxURL = 2 << 10 // bytes of an address

// Keys of a job's own options.
const (
	keyPriority = "priority"
	keyTTL      = "ttl"
	keyKeep     = "keep_input"
	keyCallback = "callback_url"
	keyImageURL = "image_url" // no option: where the picture is
)

// fields are the options for ReadUpload.
func fields() []httpserver.Field {
	var all []httpserver.Field
	for _, key := range option.Keys() {
		limit, _ := option.Limit(key)
		file, _ := option.FileLimit(key)
		all = append(all, httpserver.Field{Key: key, Limit: limit, MaxFile: file})
	}
	for _, key := range []string{keyPriority, keyTTL, keyKeep} {
		all = append(all, httpserver.Field{Key: key, Limit: 64})
	}
	for _, key := range []string{keyCallback, keyImageURL} {
		all = append(all, httpserver.Field{Key: key, Limit: maxURL})
	}
	return all
}

func optionKeys() []string {
	var keys []string
	for _, f := range fields() {
		keys = append(keys, f.Key)
	}
	return keys
}

// queryOf is the query of a request of /v1, which holds these keys only: one that is mistyped would else go unnoticed.
func queryOf(c echo.Context, keys ...string) (url.Values, error) {
	query, err := httpserver.Query(c)
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if err == nil && !slices.Contains(keys, name) {
			err = unknownOption(name, keys)
		}
	}
	return query, err
}

func unknownOption(name string, known []string) error {
	return fmt.Errorf("%w: there is no option %.64q here; there are %s", picture.ErrOption, name, strings.Join(known, ", "))
}

// priorities are the words for them, in their order.
func priorities() [3]string { return [3]string{"interactive", "normal", "bulk"} }

// parseOptions reads every option. preset has what counts where a request says nothing. Every fault is joined, and each is an
// imaging.ErrOption.
func (a *api) parseOptions(get func(key string) string, preset options) (options, error) {
	o := preset
	var errs []error
	var err error
	if o.Options, err = option.Parse(get); err != nil {
		errs = append(errs, err)
	}
	if s := get(keyPriority); s != "" {
		o.priority, err = parsePriority(s)
		errs = append(errs, err)
	}
	if s := get(keyTTL); s != "" {
		o.ttl, err = a.parseTTL(s)
		errs = append(errs, err)
	}
	if s := get(keyKeep); s != "" {
		o.keepInput, err = strconv.ParseBool(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %s: must be true or false, is %.64q", picture.ErrOption, keyKeep, s))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return options{}, err
	}
	if o.callback = get(keyCallback); o.callback != "" {
		return o, a.checkCallback(o.callback)
	}
	return o, nil
}

func parsePriority(s string) (queue.Priority, error) {
	for p, word := range priorities() {
		if s == word {
			return queue.Priority(p), nil
		}
	}
	return 0, fmt.Errorf("%w: %s: must be interactive, normal or bulk, is %.64q", picture.ErrOption, keyPriority, s)
}

// parseTTL reads 90s, 15m or a number of seconds.
func (a *api) parseTTL(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	longest := a.jobs.MaxTTL()
	if err != nil || d < time.Second || d > longest {
		return 0, fmt.Errorf("%w: %s: must be 1s to %gs, is %.64q", picture.ErrOption, keyTTL, longest.Seconds(), s)
	}
	return d, nil
}

// parseDuration reads Go's notation, or a plain number of seconds.
func parseDuration(s string) (time.Duration, error) {
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

// values are the options that were given, each as it can be sent again; those of a picture's size are given by it. kept is what counts
// where keep_input is not given.
func (o options) values(kept bool) map[string]string {
	v := map[string]string{}
	for key, texts := range o.Values() {
		if v[key] = texts[0]; len(texts[0]) > longOption {
			v[key] = fmt.Sprintf("%d bytes", len(texts[0]))
		}
	}
	if o.priority != queue.Normal {
		v[keyPriority] = priorities()[o.priority]
	}
	if o.ttl > 0 {
		v[keyTTL] = o.ttl.String()
	}
	if o.keepInput != kept {
		v[keyKeep] = strconv.FormatBool(o.keepInput)
	}
	if o.callback != "" {
		v[keyCallback] = o.callback
	}
	return v
}

// given looks an option up in a request's body and, where it is not there, in its query.
func given(body, query url.Values) func(key string) string {
	return func(key string) string {
		if v := body.Get(key); v != "" {
			return v
		}
		return query.Get(key)
	}
}

// about is what the proxy has the queue keep of a job, as JSON.
type about struct {
	Options map[string]string `json:"options,omitempty"`
	Input   inputInfo         `json:"input"`
}

// inputInfo is what is known of the picture that was sent. Sizes are in px, with the orientation applied.
type inputInfo struct {
	Bytes       int64  `json:"bytes"`
	Width       int    `json:"width,omitempty"`
	Height      int    `json:"height,omitempty"`
	ContentType string `json:"content_type,omitempty"`
}

func readAbout(text string) (a about) {
	_ = json.Unmarshal([]byte(text), &a) // ours; jobs of other submitters have none
	return a
}

package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"bgremove/apikey"
	"bgremove/fault"
	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
	"bgremove/queue"
	"bgremove/telemetry"
)

const maxIdempotencyKey = 255 // bytes

// Request is a picture that is to become a job.
type Request struct {
	Picture        []byte // nil where Options.ImageURL says where it is
	Options        Options
	IdempotencyKey string // the client's own name for the request; empty for none
}

// Receipt says what became of a request.
type Receipt struct {
	ID     string  // of the job
	Budget *Budget // what is left to the key; nil where nothing was taken, or it has none
}

// submission is a request on its way. Digests are made once, when they are first asked for.
type submission struct {
	Request
	parent  string // id of the job that it refines; else empty
	given   string // digest of what a refinement gives
	options string // digest of the options
	image   string // digest of the picture
}

// Room refuses early what the queue would refuse, before a body is read.
func (in *Intake) Room(ctx context.Context) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return in.Jobs.Room(ctx)
}

// Submit queues a picture, fetched where only its address is given. Nothing of the Intake's holds
// the picture when Submit returns.
//
// The receipt has a budget also where that does not suffice.
func (in *Intake) Submit(ctx context.Context, r Request) (Receipt, error) {
	s := &submission{Request: r}
	if r.Options.ImageURL == "" {
		return in.submit(ctx, s)
	}
	if r.Picture != nil {
		return Receipt{}, fault.New("multiple_images",
			"Both an image and %s were sent", KeyImageURL)
	}
	// A request that is repeated is not fetched again: there may be another
	// picture by now, or none.
	id, err := in.repeated(ctx, s)
	if id != "" || err != nil {
		return Receipt{ID: id}, err
	}
	if s.Picture, err = in.fetch(ctx, r.Options.ImageURL); err != nil {
		return Receipt{}, err
	}
	return in.submit(ctx, s)
}

// submit queues a picture, once the options were found to fit it.
func (in *Intake) submit(ctx context.Context, s *submission) (Receipt, error) {
	defer in.Release(ctx)
	ctx, cancel := bounded(ctx)
	defer cancel()
	info, err := codec.Inspect(s.Picture, in.Limits)
	if err != nil {
		return Receipt{}, err
	}
	if err := s.Options.CheckImage(in.Limits, info.Width, info.Height); err != nil {
		return Receipt{}, err
	}
	if id, err := in.repeated(ctx, s); id != "" || err != nil { // paid for already
		return Receipt{ID: id}, err
	}
	r, err := in.queueRequest(ctx, s, info)
	if err != nil {
		return Receipt{}, err
	}
	budget, refund, err := in.charge(ctx, info.Width, info.Height)
	if err != nil {
		return Receipt{Budget: budget}, err
	}
	id, err := in.Jobs.Enqueue(ctx, r)
	if err != nil {
		refund()
		budget = nil
	}
	if errors.Is(err, queue.ErrRepeated) { // at the same time
		err = nil
	}
	return Receipt{id, budget}, err
}

// queueRequest describes the job to the queue.
func (in *Intake) queueRequest(
	ctx context.Context, s *submission, info codec.Info,
) (queue.Request, error) {
	o := s.Options
	about, err := json.Marshal(in.about(o, InputInfo{
		Bytes: info.Bytes, Width: info.Width, Height: info.Height,
		ContentType: contentType(info.Format),
	}))
	if err != nil {
		return queue.Request{}, err
	}
	return queue.Request{
		Image: s.Picture, Options: o.Encode(), About: string(about),
		Priority: o.Priority, KeepInput: o.KeepInput, ResultTTL: o.TTL, Callback: o.CallbackURL,
		Tenant: apikey.Name(ctx), Parent: s.parent, Trace: telemetry.Inject(ctx),
		IdempotencyKey: s.IdempotencyKey, Fingerprint: s.fingerprint(),
		Cache: in.cacheKey(s, apikey.Name(ctx)),
	}, nil
}

// repeated returns the job that the request's idempotency key has made before; empty where there is
// none.
func (in *Intake) repeated(ctx context.Context, s *submission) (id string, err error) {
	for _, c := range []byte(s.IdempotencyKey) {
		if c <= ' ' || c > '~' || len(s.IdempotencyKey) > maxIdempotencyKey {
			return "", fmt.Errorf(
				"%w: Idempotency-Key: must be 1 to %d visible ASCII characters, is %.64q",
				picture.ErrOption, maxIdempotencyKey, s.IdempotencyKey)
		}
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return in.Jobs.Repeated(ctx, queue.Request{
		Tenant: apikey.Name(ctx), IdempotencyKey: s.IdempotencyKey, Fingerprint: s.fingerprint(),
	})
}

// fingerprint tells requests with the same idempotency key apart; empty where there is no key.
func (s *submission) fingerprint() string {
	switch {
	case s.IdempotencyKey == "":
		return ""
	case s.parent != "": // whose picture and options may be gone when the request comes again
		return digest(url.Values{"parent": {s.parent}, "options": {s.given}})
	}
	o, image := s.Options, s.Options.ImageURL
	if image == "" {
		image = s.imageDigest()
	}
	return digest(url.Values{
		"image": {image}, "options": {s.optionsDigest()},
		"job": {fmt.Sprint(o.Priority, o.TTL, o.KeepInput, o.CallbackURL)},
	})
}

// cacheKey is equal for requests that come to the same result, where they may know of each other.
// It is empty where the cache is off.
func (in *Intake) cacheKey(s *submission, tenant string) string {
	if !in.cfg.Cache {
		return ""
	}
	key := url.Values{
		"version": {in.Version}, "image": {s.imageDigest()}, "options": {s.optionsDigest()},
	}
	if !in.cfg.CacheAcrossKeys {
		key.Set("tenant", tenant)
	}
	return digest(key)
}

func (s *submission) imageDigest() string {
	if s.image == "" {
		s.image = digestFile(s.Picture)
	}
	return s.image
}

func (s *submission) optionsDigest() string {
	if s.options == "" {
		s.options = digestOptions(s.Options.WithoutFiles().Values(), s.Options.Files())
	}
	return s.options
}

// digestOptions has a file stand for itself by its own digest: its text would be large.
func digestOptions(texts url.Values, files map[string][]byte) string {
	all := url.Values{}
	for key, values := range texts {
		all["text "+key] = values
	}
	for key, file := range files {
		all.Set("file "+key, digestFile(file))
	}
	return digest(all)
}

func digestFile(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// digest is the same for the same values.
func digest(v url.Values) string {
	sum := sha256.Sum256([]byte(v.Encode())) // sorted by key
	return hex.EncodeToString(sum[:16])
}

// contentType is that of a file of the format.
func contentType(f codec.Format) string {
	if f == codec.PNM {
		return "image/x-portable-anymap"
	}
	return "image/" + string(f)
}

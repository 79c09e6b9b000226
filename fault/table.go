package fault

import "time"

// StatusClientGone is only logged and counted: there is nobody left to answer.
const StatusClientGone = 499

// Kind is what a code means.
type Kind struct {
	Status     int           // of HTTP
	Text       string        // for a client; empty where each error has its own
	Transient  bool          // the same picture may succeed later, so its job is tried again
	Untaken    bool          // nobody worked on the picture, so its job loses no attempt
	RetryAfter time.Duration // what a client is asked to wait; 0: it is not asked
}

// Of returns the kind of a code. One that is not in the table is a fault of the server's.
func Of(code string) Kind {
	if kind, ok := kinds[code]; ok {
		return kind
	}
	return Kind{Status: 500}
}

// Codes returns every code with its kind.
func Codes() map[string]Kind { return kinds }

const (
	soon  = 2 * time.Second
	later = 5 * time.Second
)

// kinds is the table. The openapi document has the same codes.
var kinds = map[string]Kind{
	// What ends a job. With the first five, the same would come of another try.
	"bad_option":         {Status: 400},
	"too_large":          {Status: 413},
	"unsupported_format": {Status: 415},
	"corrupt_image":      {Status: 422},
	"no_foreground":      {Status: 422},
	"deadline":           {Status: 410},
	"cancelled":          {409, "The prediction was cancelled", true, true, 0},
	"input_expired":      {Status: 410, Text: "The input of the job is not kept any more"},
	"damaged":            {Status: 500, Text: "The input image was damaged in its store"},
	"storage":            {Status: 503, Text: "The image store failed", Transient: true},
	"worker_lost":        {Status: 500, Transient: true},
	"internal":           {Status: 500, Text: "The prediction failed", Transient: true},
	"timeout":            {Status: 504, Text: "The prediction took too long", Transient: true},
	// No 502: a client sends that again, and the picture may be what ends the predictor.
	"broken": {Status: 500, Text: "The connection to the predictor broke", Transient: true},

	// A predictor that takes no picture.
	"busy":        {503, "The predictor is busy; try again later", true, true, soon},
	"unavailable": {503, "The predictor cannot be reached", true, true, later},

	// What ends a request, and no job: of the queue,
	"queue_full":           {Status: 429, RetryAfter: later},
	"rate_limit_exceeded":  {Status: 429},
	"disk_full":            {Status: 503, RetryAfter: 30 * time.Second},
	"storage_failed":       {Status: 503, Text: "The image store failed", RetryAfter: later},
	"queue_unavailable":    {Status: 503, Text: "The queue cannot be reached", RetryAfter: later},
	"idempotency_conflict": {Status: 409},
	"wrong_state":          {Status: 409},
	"not_ready":            {Status: 409},
	"no_result":            {Status: 409},
	"not_found":            {Status: 404},
	"expired":              {Status: 410},
	"wait_over":            {Status: 504},
	"shutting_down":        {Status: 503, Text: "The server is shutting down"},

	// and of the request itself.
	"bad_request":            {Status: 400},
	"bad_query":              {Status: 400},
	"bad_multipart":          {Status: 400},
	"bad_cursor":             {Status: 400},
	"bad_url":                {Status: 400},
	"fetch_failed":           {Status: 400},
	"urls_off":               {Status: 400},
	"callbacks_off":          {Status: 400},
	"multiple_images":        {Status: 400},
	"missing_key":            {Status: 401},
	"auth_failed":            {Status: 403},
	"cross_origin":           {Status: 403},
	"method_not_allowed":     {Status: 405},
	"request_timeout":        {Status: 408},
	"unsupported_media_type": {Status: 415},
	"bad_body":               {Status: 422},
	"client_gone":            {Status: StatusClientGone},
	"internal_server_error":  {Status: 500},
}

package imaging

// Quality describes a matte without knowing the truth. Confidence is made of the others; see docs/quality.md.
type Quality struct {
	Confidence      float64  `json:"confidence"`       // 0..1: how likely the cut-out is good, IoU ≥ .8
	ForegroundShare float64  `json:"foreground_share"` // of the picture's pixels, by alpha
	Box             Box      `json:"box"`              // of alpha ≥ 128
	BorderContact   float64  `json:"border_contact"`   // share of the picture's outermost pixels that are foreground
	Components      int      `json:"components"`       // connected pieces of foreground
	EdgeContrast    float64  `json:"edge_contrast"`    // mean colour difference across the edge, 0..1
	Agreement       *float64 `json:"agreement"`        // IoU of the prior with the result, 0..1; null where no prior was asked
}

// Box is a rectangle in px.
type Box struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

package codec

const (
	exifPrefix      = "Exif\x00\x00"
	tagOrientation  = 274
	orientationNone = 1
)

// exifOrientation reads tag 274 of an EXIF block, which is a TIFF file without a picture. Whatever
// is wrong with the block, the image is still good: the answer is then 1.
//
// It shares the TIFF reader: everything else in the block (other directories, maker notes,
// thumbnails) is never parsed.
func exifOrientation(block []byte) int {
	dir, err := readIFD(block)
	if err != nil {
		return orientationNone
	}
	return dir.orientation()
}

func swapsSides(orientation int) bool { return orientation >= 5 }

package eval

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
)

// foregroundFrom is the least value of a mask or matte that counts as foreground.
const foregroundFrom = 128

// Pair is an image and the mask of its foreground.
type Pair struct {
	Name        string // of the image's file, without its folder
	Image, Mask string // paths
}

// Pairs matches the files of two folders by their names without extension: a.jpg goes with a.png.
// The pairs are sorted by that name. Whatever is in the folders but in no pair is in rest, with the
// reason; hidden files are passed over.
func Pairs(images, masks string) (pairs []Pair, rest []string, err error) {
	imageOf, rest, err := stems(images)
	if err != nil {
		return nil, nil, err
	}
	maskOf, more, err := stems(masks)
	if err != nil {
		return nil, nil, err
	}
	rest = append(rest, more...)
	for stem, image := range imageOf {
		mask, ok := maskOf[stem]
		if !ok {
			rest = append(rest, image+": no mask of that name")
			continue
		}
		pairs = append(pairs, Pair{filepath.Base(image), image, mask})
	}
	for stem, mask := range maskOf {
		if _, ok := imageOf[stem]; !ok {
			rest = append(rest, mask+": no image of that name")
		}
	}
	slices.Sort(rest)
	slices.SortFunc(pairs,
		func(a, b Pair) int { return strings.Compare(stem(a.Name), stem(b.Name)) })
	return pairs, rest, nil
}

func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }

// stems maps names without extension to the paths of a folder's files.
func stems(folder string) (paths map[string]string, rest []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	paths = map[string]string{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") { // such as .DS_Store
			continue
		}
		path := filepath.Join(folder, e.Name())
		key := stem(e.Name())
		first, taken := paths[key]
		info, err := os.Stat(path) // follows links
		switch {
		case err != nil:
			rest = append(rest, fmt.Sprintf("%s: %v", path, err))
		case !info.Mode().IsRegular(): // to open a pipe could block for ever
			rest = append(rest, path+": not a regular file")
		case taken:
			rest = append(rest, fmt.Sprintf("%s: %s has that name already", path, first))
		default:
			paths[key] = path
		}
	}
	return paths, rest, nil
}

// read decodes both files, once their headers agree on the size. Only the mask's
// first channel is looked at.
func (p Pair) read(lim picture.Limits) (*picture.Image, *picture.Matte, error) {
	imageData, imageInfo, err := inspect(p.Image, lim)
	if err != nil {
		return nil, nil, fmt.Errorf("image: %w", err)
	}
	maskData, maskInfo, err := inspect(p.Mask, lim)
	if err != nil {
		return nil, nil, fmt.Errorf("mask: %w", err)
	}
	if imageInfo.Width != maskInfo.Width || imageInfo.Height != maskInfo.Height {
		return nil, nil, fmt.Errorf("the mask has %d×%d px, the image %d×%d",
			maskInfo.Width, maskInfo.Height, imageInfo.Width, imageInfo.Height)
	}
	img, err := codec.Decode(imageData, imageInfo)
	if err != nil {
		return nil, nil, fmt.Errorf("image: %w", err)
	}
	mask, err := codec.Decode(maskData, maskInfo)
	if err != nil {
		return nil, nil, fmt.Errorf("mask: %w", err)
	}
	truth := firstChannel(mask)
	// Labels 0 and 1 are a common way to write masks: they would pass for nothing but background.
	if most := slices.Max(truth.Alpha); most > 0 && most < foregroundFrom {
		return nil, nil, fmt.Errorf("mask: its largest value is %d, foreground begins at %d",
			most, foregroundFrom)
	}
	return img, truth, nil
}

func inspect(path string, lim picture.Limits) ([]byte, codec.Info, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, codec.Info{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, codec.Info{}, err
	}
	if info.Size() > lim.MaxBytes {
		return nil, codec.Info{}, fmt.Errorf("%w: %d bytes, the limit is %d",
			picture.ErrTooLarge, info.Size(), lim.MaxBytes)
	}
	data, err := io.ReadAll(io.LimitReader(f, lim.MaxBytes+1)) // it may grow meanwhile
	if err != nil {
		return nil, codec.Info{}, err
	}
	header, err := codec.Inspect(data, lim)
	return data, header, err
}

func firstChannel(img *picture.Image) *picture.Matte {
	m := &picture.Matte{
		Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height),
	}
	for i := range m.Alpha {
		m.Alpha[i] = img.Pix[3*i]
	}
	return m
}

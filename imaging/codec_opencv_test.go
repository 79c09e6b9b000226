//go:build cgo

package imaging

const canReduce = true

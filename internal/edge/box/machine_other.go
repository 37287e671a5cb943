//go:build !unix

package box

func disk(string) (free, total int64) { return 0, 0 }

func resident() int64 { return heap() }

func cpu() float64 { return 0 }

//go:build !unix

package network

// freeSpace is not asked here; a full disk is told when it is hit.
func freeSpace(string) (int64, bool) { return 0, false }

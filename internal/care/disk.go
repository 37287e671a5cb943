package care

// Disk is the disk that holds the data folder.
type Disk struct {
	Free  int64 `json:"free" doc:"Bytes that Skanse may still write"`
	Size  int64 `json:"size"`
	Known bool  `json:"known"`
}

// FreeBytes is what may still be written beside a folder; false: nobody knows.
func FreeBytes(dir string) (int64, bool) {
	d := diskOf(dir)
	return d.Free, d.Known
}

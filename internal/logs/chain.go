package logs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/logs/windows"
	"github.com/skanse/skanse/internal/ot"
)

// A file holds the lines of one source and day:
//
//	HASH {"skanse_log":1,"source":…,"site":…,"day":"2026-11-23","prev":HASH of the last line of the file before}
//	HASH {"at":µs,"by":"udp","from":"10.20.0.5","raw":"<34>…"}
//	…
//
// HASH is the SHA-256, in hex, of the HASH before it and of what stands behind it. Who
// changes, removes or reorders a line breaks every hash after it.
const hashLen = 2 * sha256.Size

// maxStored bounds a line of a file: a Windows event of an EVTX file may be 64 KiB of
// UTF-16 and its JSON a few times that.
const maxStored = 4 << 20

// header is the first line of a file.
type header struct {
	Version int    `json:"skanse_log"`
	Source  string `json:"source"`
	Site    int64  `json:"site"`
	Day     string `json:"day"`
	Prev    string `json:"prev"` // empty: there is no file before
}

// kept is a line as it is kept: as it came, so that a better reader reads it better.
type kept struct {
	At    int64          `json:"at"`             // µs, received
	By    string         `json:"by"`             // udp, tls, file, api; skanse: a note of our own
	From  string         `json:"from,omitempty"` // address, or the file's name
	Raw   string         `json:"raw,omitempty"`
	Bin   []byte         `json:"bin,omitempty"` // instead of Raw where the line is no UTF-8
	Event *windows.Event `json:"event,omitempty"`
	Cut   bool           `json:"cut,omitempty"` // it was longer than is taken
}

// link hashes a line onto the one before it.
func link(prev string, line []byte) string {
	h := sha256.New()
	_, _ = io.WriteString(h, prev) // a hash does not fail
	_, _ = h.Write(line)
	return hex.EncodeToString(h.Sum(nil))
}

// dayFile is the file that a source's lines are added to.
type dayFile struct {
	f     *os.File
	day   int64
	head  string
	lines int64 // without the header
	bytes int64
	first int64 // µs
	last  int64
	dirty bool
}

const dayForm = time.DateOnly

func dayOf(us int64) int64 { return floorDiv(us, int64(24*time.Hour/time.Microsecond)) }

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}

func dayName(day int64) string { return time.Unix(day*86400, 0).UTC().Format(dayForm) }

func (s *Service) folder(siteNo int64, source string) string {
	return filepath.Join(s.cfg.Dir, fmt.Sprint(siteNo), source)
}

func fileName(day int64) string { return dayName(day) + ".log" }

// openDay opens the file of a day, or makes it behind the newest before it. A torn end,
// as a cut of power leaves it, is taken off: torn says how many bytes.
func openDay(dir, source string, siteNo, day int64) (d *dayFile, torn int64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, err
	}
	path := filepath.Join(dir, fileName(day))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	d = &dayFile{f: f, day: day}
	defer func() {
		if err != nil {
			_ = f.Close() // the error before it counts
		}
	}()
	size, err := d.read()
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	if size > d.bytes {
		torn = size - d.bytes
		if err := f.Truncate(d.bytes); err != nil {
			return nil, 0, err
		}
	}
	if _, err := f.Seek(d.bytes, io.SeekStart); err != nil {
		return nil, 0, err
	}
	if d.bytes > 0 {
		return d, torn, nil
	}
	prev, err := lastHead(dir, day)
	if err != nil {
		return nil, 0, err
	}
	b, err := json.Marshal(header{Version: 1, Source: source, Site: siteNo, Day: dayName(day), Prev: prev})
	if err != nil {
		return nil, 0, err
	}
	d.head = prev
	return d, torn, d.write([][]byte{b})
}

// read walks over what is there, without computing the hashes: verify does that.
func (d *dayFile) read() (size int64, err error) {
	r := bufio.NewReaderSize(d.f, 256<<10)
	n := int64(-1) // the header
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			size = d.bytes + int64(len(line))
			d.lines = max(n, 0)
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		if len(line) < hashLen+3 || line[hashLen] != ' ' {
			return 0, ot.Errorf(ot.Damaged, "line %d is none of ours: run skanse verify logs", n+2)
		}
		if n >= 0 {
			at := atOf(line)
			if n == 0 {
				d.first = at
			}
			d.last = at
		}
		n++
		d.bytes += int64(len(line))
		d.head = string(line[:hashLen])
	}
}

// readLine reads a line with its end; io.EOF comes with what stands behind the last one.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(long) > maxStored {
			return nil, ot.Errorf(ot.Damaged, "a line is longer than any of ours")
		}
		line, err = r.ReadSlice('\n')
		long = append(long, line...)
	}
	return long, err
}

// atOf reads when a line was received, which stands first.
func atOf(line []byte) (us int64) {
	rest, ok := bytes.CutPrefix(line[hashLen+1:], []byte(`{"at":`))
	if !ok {
		return 0
	}
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		us = us*10 + int64(c-'0')
	}
	return us
}

// write adds lines in one go. What was written in part is taken back.
func (d *dayFile) write(lines [][]byte) error {
	var out bytes.Buffer
	head := d.head
	for _, line := range lines {
		head = link(head, line)
		out.WriteString(head)
		out.WriteByte(' ')
		out.Write(line)
		out.WriteByte('\n')
	}
	if _, err := d.f.Write(out.Bytes()); err != nil {
		if terr := d.f.Truncate(d.bytes); terr == nil {
			_, terr = d.f.Seek(d.bytes, io.SeekStart)
			return errors.Join(err, terr)
		}
		return err
	}
	d.head, d.bytes, d.dirty = head, d.bytes+int64(out.Len()), true
	return nil
}

// add writes lines and counts them.
func (d *dayFile) add(list []kept) error {
	lines := make([][]byte, len(list))
	for i := range list {
		b, err := json.Marshal(&list[i])
		if err != nil {
			return err
		}
		lines[i] = b
	}
	if err := d.write(lines); err != nil {
		return err
	}
	if d.lines == 0 {
		d.first = list[0].At
	}
	d.lines, d.last = d.lines+int64(len(list)), list[len(list)-1].At
	return nil
}

func (d *dayFile) sync() error {
	if !d.dirty {
		return nil
	}
	d.dirty = false
	return d.f.Sync()
}

// daysIn lists the days of a folder's files, the oldest first.
func daysIn(dir string) (days []int64, err error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range list {
		name, ok := strings.CutSuffix(e.Name(), ".log")
		t, perr := time.Parse(dayForm, name)
		if ok && perr == nil {
			days = append(days, t.Unix()/86400)
		}
	}
	slices.Sort(days)
	return days, err
}

// lastHead is the hash of the last whole line of the newest file before a day.
func lastHead(dir string, before int64) (string, error) {
	days, err := daysIn(dir)
	if err != nil {
		return "", err
	}
	for _, day := range slices.Backward(days) {
		if day >= before {
			continue
		}
		f, err := os.Open(filepath.Join(dir, fileName(day)))
		if err != nil {
			return "", err
		}
		d := &dayFile{f: f}
		_, err = d.read()
		_ = f.Close() // read only
		if err != nil || d.head != "" {
			return d.head, err
		}
	}
	return "", nil
}

// eachLine reads the lines of a file, those that can be read.
func eachLine(path string, fn func(*kept)) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	r := bufio.NewReaderSize(f, 256<<10)
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var k kept
		if len(line) > hashLen+2 && json.Unmarshal(line[hashLen+1:], &k) == nil && k.At != 0 {
			fn(&k)
		}
	}
}

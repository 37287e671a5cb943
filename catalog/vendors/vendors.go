// Package vendors knows who a network card's prefix was given to: the IEEE's
// public lists (MA-L, MA-M, MA-S) in a compact form. It says who made the
// card, which is not always who made the device.
package vendors

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/skanse/skanse/catalog"
)

//go:generate go run ./ouigen -names names.txt -out oui.gz

// OUI returns the holder of the longest prefix of mac that the IEEE gave away,
// "" if there is none or if the address was given by software. The table, about
// 1.5 MB, is unpacked on the first call and then shared; it never changes.
func OUI(mac [6]byte) string {
	if mac[0]&3 != 0 { // a group, or locally administered
		return ""
	}
	t := load()
	address := uint64(binary.BigEndian.Uint16(mac[:]))<<32 | uint64(binary.BigEndian.Uint32(mac[2:]))
	for i := len(t.lists) - 1; i >= 0; i-- { // the longest first
		l := &t.lists[i]
		if at, ok := slices.BinarySearch(l.prefixes, address>>(48-4*l.digits)); ok {
			return t.names[l.holders[at]]
		}
	}
	return ""
}

// Prefix is OUI for the first three bytes alone, where the rest is not known.
func Prefix(oui [3]byte) string { return OUI([6]byte{oui[0], oui[1], oui[2]}) }

// table is the unpacked form of oui.gz:
//
//	names, one a line, and an empty line
//	then for 6, 7 and 9 hexadecimal digits: count, and per prefix its distance
//	from the one before and the number of its holder, all as varints
type table struct {
	names []string
	lists [3]list
}

type list struct {
	digits   uint
	prefixes []uint64
	holders  []uint16
}

var load = sync.OnceValue(func() *table {
	t, err := read()
	if err != nil { // the file is part of the program, and its test reads all of it
		panic("catalog/vendors/oui.gz: " + err.Error())
	}
	return t
})

func read() (*table, error) {
	packed, err := catalog.Files.ReadFile("vendors/oui.gz")
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(z, 8<<20))
	if err != nil {
		return nil, err
	}
	text, rest, ok := bytes.Cut(raw, []byte("\n\n"))
	if !ok {
		return nil, fmt.Errorf("no end of names")
	}
	t := &table{names: strings.Split(string(text), "\n")}
	next := func() uint64 {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			err, n = fmt.Errorf("cut short"), 0
		}
		rest = rest[n:]
		return v
	}
	for i, digits := range [...]uint{6, 7, 9} {
		l := &t.lists[i]
		l.digits = digits
		prefix := uint64(0)
		for range min(next(), 1<<20) {
			prefix += next()
			holder := next()
			if err != nil || holder >= uint64(len(t.names)) {
				return nil, fmt.Errorf("damaged list of %d digits: %w", digits, err)
			}
			l.prefixes, l.holders = append(l.prefixes, prefix), append(l.holders, uint16(holder))
		}
	}
	return t, err
}

package record

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/xuri/excelize/v2"
)

// maxUnzipped is what an XLSX may hold when unpacked. A table of 2,000 rows and 60
// columns takes about 6 MiB; excelize needs some ten times that in memory.
const maxUnzipped = 24 << 20

// readCSV reads a table as Excel, LibreOffice and this program write it: UTF-8 with or
// without a mark, separated by commas, semicolons or tabs.
func readCSV(b []byte) ([][]string, error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	first, _, _ := bytes.Cut(b, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord = -1
	for _, sep := range ";\t" {
		if bytes.Count(first, []byte(string(sep))) > bytes.Count(first, []byte(string(r.Comma))) {
			r.Comma = sep
		}
	}
	var out [][]string
	for {
		row, err := r.Read()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "the file is not CSV: %w", err)
		}
		if out = append(out, row); len(out) > maxRows+1 || len(row) > maxColumns {
			return nil, tooManyCells(len(out), len(row))
		}
	}
}

func tooManyCells(rows, columns int) error {
	if columns > maxColumns {
		return ot.Errorf(ot.TooMany, "a row has %d columns, at most %d", columns, maxColumns)
	}
	return ot.Errorf(ot.TooMany, "the table has more than %d rows (at row %d): split the file", maxRows, rows)
}

// readXLSX reads the first sheet. Nothing is calculated: a formula is its text. A file
// that unpacks to more than a table of this size can be is refused.
func readXLSX(b []byte) (out [][]string, err error) {
	defer func() {
		if v := recover(); v != nil { // excelize on a file that was made to hurt
			out, err = nil, ot.Errorf(ot.Invalid, "the file is no XLSX that can be read; save it again, or as CSV")
		}
	}()
	f, err := excelize.OpenReader(bytes.NewReader(b), excelize.Options{UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzipped, RawCellValue: false})
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the file is no XLSX that can be read, or unpacks to more than %d MiB: save it again, or as CSV (%w)", maxUnzipped>>20, printable(err))
	}
	defer func() { _ = f.Close() }() // read only
	sheets := f.GetSheetList()
	if len(sheets) == 0 {
		return nil, ot.Errorf(ot.Invalid, "the file has no sheet")
	}
	rows, err := f.Rows(sheets[0])
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the first sheet cannot be read: %w", printable(err))
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		cells, err := rows.Columns()
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "row %d cannot be read: %w", len(out)+1, printable(err))
		}
		if out = append(out, cells); len(out) > maxRows+1 || len(cells) > maxColumns {
			return nil, tooManyCells(len(out), len(cells))
		}
	}
	if err := rows.Error(); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the first sheet cannot be read: %w", printable(err))
	}
	for y := range out {
		for x := range out[y] {
			name, err := excelize.CoordinatesToCellName(x+1, y+1)
			if err != nil {
				return nil, ot.Errorf(ot.Invalid, "row %d cannot be read: %w", y+1, printable(err))
			}
			if formula, err := f.GetCellFormula(sheets[0], name); err == nil && formula != "" {
				out[y][x] = "=" + strings.TrimPrefix(formula, "=")
			}
		}
	}
	for len(out) > 0 && len(out[len(out)-1]) == 0 {
		out = out[:len(out)-1]
	}
	return out, nil
}

// printable keeps what a file says about itself off the terminal.
func printable(err error) error { return fmt.Errorf("%s", ot.Printable(err.Error())) }

// injecting are the characters at which spreadsheets begin to calculate.
const injecting = "=+-@\t\r"

// uninjected takes away the apostrophe that an export put before such a text.
func uninjected(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.IndexByte(injecting, s[1]) >= 0 {
		return s[1:]
	}
	return s
}

// injected puts an apostrophe before a text at which spreadsheets would calculate.
func injected(s string) string {
	if s != "" && strings.IndexByte(injecting, s[0]) >= 0 {
		return "'" + s
	}
	return s
}

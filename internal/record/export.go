package record

import (
	"context"
	"encoding/csv"
	"io"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/xuri/excelize/v2"
)

// maxExport is how many records one file holds; a spreadsheet with more helps nobody.
const maxExport = 50_000

// sheetWriter takes the rows of an export.
type sheetWriter interface {
	row(cells []any) error
	close() error
}

// Export writes the records that the filters leave, as a table that Import reads back.
func (s *Service) Export(ctx context.Context, who auth.Principal, q Query, format string, out io.Writer) error {
	t, err := s.typeFor(who, q.Type, "read")
	if err != nil {
		return err
	}
	w, err := newSheet(t, format, out)
	if err != nil {
		return err
	}
	heads := []string{"ref", "title", "state", "site", "zone", "asset", "owner", "valid_from", "valid_until", "due_at", "review_at", "created_at", "updated_at", "approval"}
	cells := []any{}
	for _, h := range heads {
		cells = append(cells, h)
	}
	for _, f := range t.Fields {
		cells = append(cells, f.ID)
	}
	if err := w.row(cells); err != nil {
		return err
	}
	q.Limit, q.Cursor = 500, ""
	for n := 0; n < maxExport; {
		page, names, err := s.exportPage(ctx, who, t, q)
		if err != nil {
			return err
		}
		for i := range page {
			if err := w.row(t.cells(&page[i].Item, page[i].site, names)); err != nil {
				return err
			}
		}
		n += len(page)
		if len(page) == 0 || page[len(page)-1].next == "" {
			break
		}
		q.Cursor = page[len(page)-1].next
	}
	return w.close()
}

type exported struct {
	Item
	site string
	next string // on the last of a page
}

// exportPage reads one page and what the ids in it are called.
func (s *Service) exportPage(ctx context.Context, who auth.Principal, t *Type, q Query) (out []exported, names map[string]string, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		page, err := s.list(ctx, r, who, q)
		if err != nil {
			return err
		}
		names = map[string]string{}
		ids := map[string][]string{"site": nil}
		for _, it := range page.Items {
			if it.SiteID != nil {
				ids["site"] = append(ids["site"], *it.SiteID)
			}
			data := it.Data.Map()
			for _, f := range t.Fields {
				if id, ok := data[f.ID].(string); ok && (f.Kind == Person || f.Kind == Asset || f.Kind == Zone) {
					ids[string(f.Kind)] = append(ids[string(f.Kind)], id)
				}
			}
		}
		for kind, list := range ids {
			if l := s.kinds[kind]; l != nil && len(list) > 0 {
				found, err := l(ctx, r, who.Scope, list)
				if err != nil {
					return err
				}
				for id, x := range found {
					names[id] = x.Label
				}
			}
		}
		for _, it := range page.Items {
			x := exported{Item: it}
			if it.SiteID != nil {
				x.site = names[*it.SiteID]
			}
			out = append(out, x)
		}
		if len(out) > 0 {
			out[len(out)-1].next = page.Next
		}
		return nil
	})
	return out, names, err
}

// cells are the row of a record.
func (t *Type) cells(it *Item, site string, names map[string]string) []any {
	name := func(n *Name) string {
		if n == nil {
			return ""
		}
		return n.Name
	}
	when := func(x store.Time) string {
		if x.IsZero() {
			return ""
		}
		return x.Format(time.RFC3339)
	}
	state, _ := t.State(it.State)
	out := []any{
		it.Ref, it.Title, state.Title, site, name(it.Zone), name(it.Asset), name(it.Owner), when(it.ValidFrom), when(it.ValidUntil), when(it.DueAt), when(it.ReviewAt),
		when(it.CreatedAt), when(it.UpdatedAt), it.Approval,
	}
	data := it.Data.Map()
	for _, f := range t.Fields {
		v := data[f.ID]
		if n, ok := v.(float64); ok {
			out = append(out, n)
			continue
		}
		text := f.text(v)
		if n := names[text]; n != "" {
			text = n
		}
		out = append(out, text)
	}
	return out
}

func newSheet(t *Type, format string, out io.Writer) (sheetWriter, error) {
	switch format {
	case "", "csv":
		_, err := io.WriteString(out, "\ufeff") // Excel reads UTF-8 only with a mark
		return &csvSheet{csv.NewWriter(out)}, err
	case "xlsx":
		f := excelize.NewFile()
		name := strings.Map(func(r rune) rune {
			if strings.ContainsRune(`:\/?*[]'`, r) {
				return ' '
			}
			return r
		}, t.Plural)
		if r := []rune(name); len(r) > 31 {
			name = string(r[:31])
		}
		if err := f.SetSheetName("Sheet1", name); err != nil {
			return nil, err
		}
		w, err := f.NewStreamWriter(name)
		return &xlsxSheet{f: f, w: w, out: out}, err
	}
	return nil, ot.Errorf(ot.Invalid, "format is %q: csv or xlsx", ot.Printable(format))
}

// safeCell is a text that no terminal and no spreadsheet takes for more than text.
func safeCell(s string) string { return injected(multiline(s)) }

type csvSheet struct{ w *csv.Writer }

func (c *csvSheet) row(cells []any) error {
	texts := make([]string, len(cells))
	for i, v := range cells {
		switch v := v.(type) {
		case string:
			texts[i] = safeCell(v)
		default:
			texts[i] = Field{}.text(v)
		}
	}
	return c.w.Write(texts)
}

func (c *csvSheet) close() error { c.w.Flush(); return c.w.Error() }

type xlsxSheet struct {
	f   *excelize.File
	w   *excelize.StreamWriter
	out io.Writer
	n   int
}

func (x *xlsxSheet) row(cells []any) error {
	x.n++
	for i, v := range cells {
		if s, ok := v.(string); ok {
			if s = safeCell(s); len(s) > excelize.TotalCellChars {
				s = s[:excelize.TotalCellChars]
			}
			cells[i] = s
		}
	}
	cell, err := excelize.CoordinatesToCellName(1, x.n)
	if err != nil {
		return err
	}
	return x.w.SetRow(cell, cells)
}

func (x *xlsxSheet) close() error {
	if err := x.w.Flush(); err != nil {
		return err
	}
	if err := x.f.Write(x.out); err != nil {
		return err
	}
	return x.f.Close()
}

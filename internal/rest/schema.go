package rest

import (
	"path"
	"reflect"
	"strings"
	"unicode"
)

// schemaName names a type in the OpenAPI document by its package and its own
// name: two slices may both have an Item. Page[asset.Item] becomes
// PageAssetItem; this package's own names and nameless types stay bare.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := t.Name()
	if name == "" {
		return upper(hint)
	}
	if t.PkgPath() != "" && path.Base(t.PkgPath()) != "rest" {
		name = path.Base(t.PkgPath()) + "." + name
	}
	var out strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("[]*,", r) }) {
		for word := range strings.SplitSeq(part[strings.LastIndex(part, "/")+1:], ".") {
			if word != "rest" {
				out.WriteString(upper(word))
			}
		}
	}
	return out.String()
}

func upper(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

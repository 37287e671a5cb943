package app

import (
	"testing"

	"github.com/skanse/skanse/internal/store/storetest"
)

// Every table of the program keeps to the rules of the common SQL.
func TestSchema(t *testing.T) { storetest.Conform(t, schema()) }

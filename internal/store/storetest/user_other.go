//go:build !unix

package storetest

import (
	"errors"
	"os/exec"
)

func asOrdinaryUser(*exec.Cmd, string) error {
	return errors.New("the tests start PostgreSQL on Unix only")
}

// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// A tokenSource checks that there is a token, and gives what tells the one of now.
type tokenSource func() (func() string, error)

func fixedToken(token string) tokenSource {
	return func() (func() string, error) {
		if !isSecret(token) {
			return nil, errors.New("pronto: the token is empty or holds characters other than visible ASCII")
		}
		return func() string { return token }, nil
	}
}

func fileToken(path string) tokenSource {
	return func() (func() string, error) {
		file := &tokenFile{path: path}
		return file.token, file.read()
	}
}

// A tokenFile holds a token that may be renewed while calls are made.
type tokenFile struct {
	path string

	mutex sync.Mutex
	// The file as it was when it was read last.
	info    fs.FileInfo
	current string
}

// token is what the file holds now. While that is no token, because the file is being
// replaced, it is the last one: whether it is still good is the server's to say.
func (f *tokenFile) token() string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	_ = f.read()
	return f.current
}

// read costs one stat while the file stays the same.
func (f *tokenFile) read() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("pronto: token file: %w", err)
	}
	if f.unchanged(info) {
		return nil
	}
	content, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("pronto: token file: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if !isSecret(token) {
		return fmt.Errorf("pronto: token file %s: it is empty or holds more than one token of visible ASCII", f.path)
	}
	f.info, f.current = info, token
	return nil
}

func (f *tokenFile) unchanged(info fs.FileInfo) bool {
	return f.info != nil && os.SameFile(f.info, info) &&
		f.info.ModTime().Equal(info.ModTime()) && f.info.Size() == info.Size()
}

// isSecret tells whether a text can be a secret that travels in a header: whatever else
// stands in it came with it by mistake, such as the end of a line.
func isSecret(text string) bool {
	for _, b := range []byte(text) {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return text != ""
}

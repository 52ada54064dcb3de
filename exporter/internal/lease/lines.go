package lease

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// nextLine gives the next complete line without its end. One that is too long,
// or the last one where its end is missing, is torn and counts as bad.
func (b *book) nextLine(in *bufio.Reader) (string, error) {
	for {
		line, err := in.ReadSlice('\n')
		if err == nil {
			return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
		}
		if len(line) > 0 {
			b.bad++
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err != nil {
			return "", err
		}
	}
}

// eachLine reads all lines; those that use cannot read count as bad.
func (b *book) eachLine(in *bufio.Reader, use func(line string) bool) error {
	for {
		line, err := b.nextLine(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !use(line) {
			b.bad++
		}
	}
}

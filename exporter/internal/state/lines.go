package state

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"reflect"
)

var trailerSize = len(fmt.Sprintf(trailer, 0))

// flushAt is how much is collected for one write.
const flushAt = 64 << 10

// writer collects lines and sums up what it wrote.
type writer struct {
	w   io.Writer
	buf []byte
	sum uint32
	n   int64
}

// state writes the single values in one line, then each list an entry a line.
func (out *writer) state(v reflect.Value) error {
	err := out.line(func(b []byte) ([]byte, error) { return stateCodec.appendSingles(b, v) })
	for i := range stateCodec.fields {
		f := &stateCodec.fields[i]
		if f.list == nil {
			continue
		}
		list := v.FieldByIndex(f.index)
		for k := 0; k < list.Len() && err == nil; k++ {
			err = out.line(func(b []byte) ([]byte, error) { return f.appendEntry(b, list.Index(k)) })
		}
	}
	return err
}

func (out *writer) line(appendTo func([]byte) ([]byte, error)) (err error) {
	if out.buf, err = appendTo(out.buf); err != nil {
		return err
	}
	out.buf = append(out.buf, '\n')
	if len(out.buf) < flushAt {
		return nil
	}
	return out.flush()
}

func (out *writer) flush() error {
	out.n += int64(len(out.buf))
	if out.n > maxFile {
		return fmt.Errorf("state is larger than %d MiB", maxFile>>20)
	}
	out.sum = crc32.Update(out.sum, castagnoli, out.buf)
	_, err := out.w.Write(out.buf)
	out.buf = out.buf[:0]
	return err
}

// lines reads whole lines, no more of them than maxFile.
type lines struct {
	r      *bufio.Reader
	long   []byte // a line that is longer than the reader's buffer
	number int
	size   int
	sum    uint32
}

func newLines(r io.Reader) *lines {
	return &lines{r: bufio.NewReaderSize(io.LimitReader(r, maxFile+1), flushAt)}
}

// next returns a line with its end, valid until the next call.
func (in *lines) next() ([]byte, error) {
	in.number++
	line, err := in.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		in.long = in.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			in.long = append(in.long, line...)
			line, err = in.r.ReadSlice('\n')
		}
		in.long = append(in.long, line...)
		line = in.long
	}
	in.size += len(line)
	switch {
	case in.size > maxFile:
		return nil, in.corrupt(fmt.Errorf("larger than %d MiB", maxFile>>20))
	case errors.Is(err, io.EOF):
		return nil, in.corrupt(errors.New("cut off, or its checksum does not fit"))
	}
	return line, err
}

func (in *lines) add(line []byte) { in.sum = crc32.Update(in.sum, castagnoli, line) }

// isTrailer tells the line that closes a file of which all before was read well.
func (in *lines) isTrailer(line []byte) bool {
	return len(line) == trailerSize && string(line) == fmt.Sprintf(trailer, in.sum)
}

// end checks that nothing follows.
func (in *lines) end() error {
	if _, err := in.r.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.New("goes on after its end")
	}
	return nil
}

func (in *lines) corrupt(err error) error {
	return fmt.Errorf("%w: line %d: %w", ErrCorrupt, in.number, err)
}

// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package state

// Editor changes a body on its way to the client, after all taps have seen it as it
// came.
type Editor interface {
	// EditBody returns what to forward now that p has come: p itself, a part of
	// it, or bytes that are valid until the next call. It must not change p.
	EditBody(p []byte) []byte
	// EndBody returns the rest, when the body has ended as it should.
	EndBody() []byte
}

// Edit has e change the body of an answer that is not held. It is for
// [Tap.ResponseHeader]; the tap also removes what the header says about the length
// of the body. Nothing edits an answer to HEAD.
func (w *Writer) Edit(e Editor) { w.editor = e }

// edited forwards what the editor makes of p.
func (w *Writer) edited(p []byte) (int, error) {
	if err := w.pass(w.editor.EditBody(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// editedRest forwards what the editor has kept back.
func (w *Writer) editedRest() error {
	rest := w.editor.EndBody()
	w.editor = nil
	return w.pass(rest)
}

func (w *Writer) pass(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	if err != nil && w.writeErr == nil {
		w.writeErr = err
	}
	return err
}

// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-gateway/tollgate/modules/languages"
)

// maxLine bounds how much of a line of text is kept; what is beyond is passed over.
// Detectors read far less.
const maxLine = 1 << 20

// languageFlags say what is to be identified, by what, and how it is shown.
type languageFlags struct {
	file, format         string
	detectors, languages []string
	threshold            float32
}

func languageCommand() *cobra.Command {
	var f languageFlags
	cmd := &cobra.Command{
		Use:   "language [<text>] [--file <path>] [--detector script,lingua] [--languages hi,ta,en] [--threshold 0.8] [--format table|tsv|json]",
		Short: "Says in which language a text is",
		Long: `
Says in which language a text is, in which script, how sure that is, and what has
decided it: the script of the text, a model, or a detector of the world's languages.
The answer "other" stands for text in none of the languages, and for lines without
a letter, then with a confidence of 0.

--file takes a text from each line of a file, or of standard input if it is "-",
and answers with a line for each, empty ones as well. In the formats tsv (label,
confidence, script, what decided) and json nothing else is printed.

Several detectors are asked in order: the next one where the one before says
"other". --languages narrows the answer down to these languages, which makes it
better and, with lingua, the command much faster to start. With --threshold,
answers that are less sure than that become "other".`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, strings.Join(args, " "), len(args) > 0)
		},
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "", `File with a text on each line; "-" is standard input`)
	cmd.Flags().StringSliceVar(&f.detectors, "detector", []string{"script"}, "Detectors to ask, in order; may be repeated")
	cmd.Flags().StringSliceVar(&f.languages, "languages", nil, "The languages that the text may be in; all that the detectors know by default")
	cmd.Flags().Float32Var(&f.threshold, "threshold", 0, "Confidence, from 0 to 1, below which the answer is other")
	cmd.Flags().StringVar(&f.format, "format", "table", "table, tsv or json")
	return cmd
}

// run identifies the text, or the lines of the file.
func (f *languageFlags) run(cmd *cobra.Command, text string, given bool) error {
	if err := oneOf("--format", f.format, "table", "tsv", "json"); err != nil {
		return err
	}
	switch {
	case given && f.file != "":
		return errors.New("give a text or a --file, not both")
	case !given && f.file == "":
		return errors.New(`give a text, or a file with --file; "-" is standard input`)
	case !(f.threshold >= 0 && f.threshold <= 1): // not a number is neither
		return fmt.Errorf("--threshold is %v; it lies between 0 and 1", f.threshold)
	}
	identifiers, done, err := f.identifiers(cmd.Context())
	if err != nil {
		return err
	}
	defer done()
	out := bufio.NewWriter(cmd.OutOrStdout())
	p := languagePrinter{out: out, format: f.format, threshold: f.threshold}
	p.begin()
	if given {
		p.print([]byte(text), identify(identifiers, []byte(text)))
		return p.flush()
	}
	in := cmd.InOrStdin()
	if f.file != "-" {
		file, err := os.Open(f.file)
		if err != nil {
			return fmt.Errorf("read text: %w", err)
		}
		defer file.Close()
		in = file
	}
	return identifyLines(in, identifiers, &p)
}

// identifyLines answers to each line as soon as it is there.
func identifyLines(in io.Reader, identifiers []languages.Identifier, p *languagePrinter) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	var line []byte
	for {
		if lines.Buffered() == 0 { // reading may have to wait
			if err := p.flush(); err != nil {
				return err
			}
		}
		var err error
		line, err = readLine(lines, line[:0])
		switch {
		case errors.Is(err, io.EOF):
			return p.flush()
		case err != nil:
			return errors.Join(fmt.Errorf("read text: %w", err), p.flush())
		}
		p.print(line, identify(identifiers, line))
	}
}

// readLine appends the next line without what ends it, or its first maxLine bytes. It is
// io.EOF if there is none.
func readLine(in *bufio.Reader, line []byte) ([]byte, error) {
	for n := 0; ; {
		piece, err := in.ReadSlice('\n')
		n += len(piece)
		line = append(line, piece[:min(len(piece), maxLine-len(line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && n > 0, err == nil:
			if n == len(line) {
				line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
			}
			return line, nil
		default:
			return nil, err
		}
	}
}

// identify asks the identifiers in order, until one knows the language.
func identify(identifiers []languages.Identifier, text []byte) (r languages.Result) {
	for i, identifier := range identifiers {
		next := identifier.Identify(text)
		if i == 0 || next.Language != "" {
			r = next
		}
		if r.Known() {
			break
		}
	}
	return r
}

// identifiers returns those of the detectors that are asked for, loaded, and what has to
// be called when they are no longer needed.
func (f *languageFlags) identifiers(ctx context.Context) ([]languages.Identifier, context.CancelFunc, error) {
	asked, err := canonical(f.languages)
	if err != nil {
		return nil, nil, err
	}
	modules, cancel := caddy.NewContext(caddy.Context{Context: ctx})
	var all []languages.Identifier
	told := make(map[languages.Code]bool)
	for _, name := range f.detectors {
		detector, err := loadDetector(modules, name)
		if err != nil {
			cancel()
			return nil, nil, err
		}
		among := known(detector, asked)
		for _, code := range among {
			told[code] = true
		}
		if len(asked) > 0 && len(among) == 0 {
			continue
		}
		identifier, err := loadIdentifier(ctx, detector, among)
		if err != nil {
			cancel()
			return nil, nil, fmt.Errorf("set up detector %q: %w", name, err)
		}
		all = append(all, identifier)
	}
	for _, code := range asked {
		if !told[code] {
			cancel()
			return nil, nil, fmt.Errorf("--languages names %s, which no detector of %s knows", code, strings.Join(f.detectors, ", "))
		}
	}
	if len(all) == 0 {
		cancel()
		return nil, nil, fmt.Errorf("--detector names none; there are: %s", strings.Join(detectorNames(), ", "))
	}
	return all, cancel, nil
}

// loadDetector returns the detector of a name, with its defaults.
func loadDetector(ctx caddy.Context, name string) (languages.Detector, error) {
	if !slices.Contains(detectorNames(), name) {
		return nil, fmt.Errorf("--detector names %q; this program has: %s", name, strings.Join(detectorNames(), ", "))
	}
	module, err := ctx.LoadModuleByID(detectorNamespace+"."+name, nil)
	if err != nil {
		return nil, fmt.Errorf("set up detector %q: %w", name, err)
	}
	detector, ok := module.(languages.Detector)
	if !ok {
		return nil, fmt.Errorf("set up detector %q: %T is none", name, module)
	}
	return detector, nil
}

// loadIdentifier returns an identifier of a detector that is ready.
func loadIdentifier(ctx context.Context, detector languages.Detector, among []languages.Code) (languages.Identifier, error) {
	identifier, err := detector.Among(among...)
	if err != nil {
		return nil, err
	}
	if l, ok := identifier.(languages.Loader); ok {
		if err := l.Load(ctx); err != nil {
			return nil, err
		}
	}
	return identifier, nil
}

// canonical returns the codes of languages in any form.
func canonical(names []string) (codes []languages.Code, err error) {
	for _, name := range names {
		code, ok := languages.Canonical(name)
		if !ok {
			return nil, fmt.Errorf("--languages names %q, which is no known language", name)
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// known returns those of the languages that a detector can tell.
func known(detector languages.Detector, asked []languages.Code) (codes []languages.Code) {
	labels := detector.Languages()
	for _, code := range asked {
		if slices.ContainsFunc(labels, code.Covers) {
			codes = append(codes, code)
		}
	}
	return codes
}

// detectorNamespace holds the modules that identify languages.
const detectorNamespace = "gateway.language_detectors"

// detectorNames are those of the detectors that are compiled in.
func detectorNames() (names []string) {
	for _, info := range caddy.GetModules(detectorNamespace) {
		names = append(names, info.ID.Name())
	}
	return names
}

// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

package estimate

import (
	"fmt"

	"github.com/caddy-gateway/tollgate/modules/internal/jsonpeek"
	"github.com/caddy-gateway/tollgate/modules/internal/usage"
)

// Call is a request of which [Bound] says how much it can use at most.
type Call struct {
	Format    usage.Format
	Operation string // of usage.Endpoint
	Provider  string // which servers read which of the members that limit an answer
	Model     string
	// Fixed says that the endpoint knows no member that limits its answer.
	Fixed bool
	Body  []byte
}

// Limit is a member of the request that limits each of its answers.
type Limit struct {
	// Path are the names that lead to the member.
	Path []string
	// Tokens is its value, or [None].
	Tokens int64
	// Sure says that the server minds the member when no other one limits the
	// answer.
	Sure bool
}

// None is the value of a limit that is not set.
const None int64 = -1

// Bounds is how much a call can use at most by what its request says.
type Bounds struct {
	// Input is the most tokens that the request itself can come to.
	Input int64
	// Refers says what in the request may come to more than its bytes, such as
	// "a file". Empty: Input is a bound.
	Refers string
	// Media says that there is something else than text in the request, Drawn that
	// the answer may hold something else, to which no limit of the request applies.
	Media, Drawn bool
	// Limits are the members that limit an answer. There are none where answers
	// have no tokens.
	Limits []Limit
	// Answers is how many answers are asked for, at least 1.
	Answers int64
	// Predicted is how many tokens may be billed as output in each answer without being in it.
	Predicted int64
	// Thinking is the budget for reasoning that must stay below the limit of the
	// answer, or zero.
	Thinking int64
	// Prompts says that the request may hold several prompts, each of which is as
	// long as the model allows.
	Prompts bool
	// Unbounded says why nothing of this bounds what the call can cost, in words
	// that follow "The cost of this call cannot be bounded:".
	Unbounded string
}

// PerAnswer returns how many tokens an answer can have by the limits of the
// request, or [None].
func (b *Bounds) PerAnswer() int64 {
	tokens, sure := None, false
	for _, l := range b.Limits {
		// Which of several counts is not the same with all servers.
		tokens = max(tokens, l.Tokens)
		sure = sure || l.Sure && l.Tokens >= 0
	}
	if !sure {
		return None
	}
	return tokens
}

// FieldError says that a member which decides how much a call can use is not what
// it has to be.
type FieldError struct {
	Name string // the member's own name
	Want string // such as "a whole number"
	// Count says that the member says how many answers there are to be; others limit them.
	Count bool
}

// Error names the member and what it has to be.
func (e *FieldError) Error() string { return fmt.Sprintf("read %s: it must be %s", e.Name, e.Want) }

const (
	// hidden is what a provider may add to a prompt of its own: the marks and the
	// default instructions of a model's template.
	hidden = 1024
	// hiddenTools is what it may add where there are tools. Anthropic publishes up to 530 tokens
	// for models up to Claude 4, and more for later ones.
	hiddenTools = 1024

	// openAIImageMost is more than any model of OpenAI takes for an image: 48,169
	// for one of eight tiles with gpt-4o-mini
	// (https://platform.openai.com/docs/guides/images-vision).
	openAIImageMost = 50_000
	// anthropicImageMost is more than Anthropic scales any image down to, which
	// is 4784 (https://platform.claude.com/docs/en/build-with-claude/vision).
	anthropicImageMost = 5000

	// mostTokens bounds all results, so that nothing overflows.
	mostTokens = 1<<53 - 1
)

// Bound returns how much a call can use at most by what its request says.
//
// No tokenizer makes more tokens than there are bytes of text, since even what it does not
// know it takes byte by byte, and the JSON of a text is never shorter than the text. So a
// request of text cannot come to more tokens than it has bytes: the quotes, names and
// braces of the JSON stand for what each message and tool costs besides. Added are
// what compatibility normalization (NFKC), which some tokenizers begin with, may make of rare
// characters; definitions of tools and schemas once more, since they are written
// anew for the model; and 1024 tokens for what the provider adds, twice if there are tools.
// An image takes what its provider says is the most; everything else that is no
// text, or is not in the request, is told by Refers or Unbounded.
//
// It returns a *jsonpeek.SyntaxError or *jsonpeek.DuplicateError like jsonpeek.Scan,
// also about members of members that it reads, and a *FieldError.
func Bound(c *Call) (Bounds, error) {
	r := bounder{call: c, Bounds: Bounds{Answers: 1}}
	if err := jsonpeek.Scan(c.Body, boundNames, r.members[:]); err != nil {
		return Bounds{}, err
	}
	if err := r.output(); err != nil {
		return Bounds{}, err
	}
	r.served()
	r.tools()
	r.media()
	again := len(r.members[inTools]) + len(r.members[inFunctions]) + len(r.members[inResponseFormat]) +
		len(r.members[inText]) + len(r.members[inFormat]) + len(r.members[inGenerationConfig]) + len(r.members[inGenerationConfigSnake])
	r.Input = int64(len(c.Body)-r.encoded+again) + growth(c.Body) + hidden + r.images
	if len(r.members[inTools])+len(r.members[inFunctions]) > 0 {
		r.Input += hiddenTools
	}
	r.Input = min(r.Input, mostTokens)
	return r.Bounds, nil
}

// The members that Bound reads.
const (
	inN = iota
	inBestOf
	inMaxTokens
	inMaxCompletion
	inMaxOutput
	inOptions
	inGenerationConfig
	inGenerationConfigSnake
	inThinking
	inTools
	inFunctions
	inPrediction
	inModalities
	inResponseFormat
	inText
	inFormat
	inPrompt
	inMessages // from here on: content
	inInput
	inContents
	inSystem
	inSystemInstruction
	inSystemInstructionSnake
	inSuffix
	inInstructions
	inContent // up to here
	inRequests
	inImages
	inContextManagement
	inSpeed
	inPrevious
	inConversation
	inTemplate
	inChatTemplate
	inNPredict
	firstServed // those from here on tell of what a server does by itself
)

var boundNames = func() *jsonpeek.Names {
	names := make([]string, 0, firstServed+len(served))
	names = append(
		names,
		"n", "best_of", "max_tokens", "max_completion_tokens", "max_output_tokens", "options", "generationConfig", "generation_config",
		"thinking", "tools", "functions", "prediction", "modalities", "response_format", "text", "format",
		"prompt", "messages", "input", "contents", "system", "systemInstruction", "system_instruction",
		"suffix", "instructions", "content", "requests", "images", "context_management", "speed", "previous_response_id", "conversation",
		"template", "chat_template", "n_predict",
	)
	for _, s := range served {
		names = append(names, s.name)
	}
	return jsonpeek.NewNames(names...)
}()

// bounder reads a request.
type bounder struct {
	call    *Call
	members [firstServed + servedMembers][]byte
	encoded int   // bytes that are no text
	images  int64 // tokens
	Bounds
}

// unbounded keeps the first reason.
func (r *bounder) unbounded(why string) {
	if r.Unbounded == "" {
		r.Unbounded = why
	}
}

// refers keeps the first thing that is referred to.
func (r *bounder) refers(what string) {
	r.Media = true
	if r.Refers == "" {
		r.Refers = what
	}
}

// set says that a member is there and says something.
func (r *bounder) set(member int) bool {
	raw := r.members[member]
	return !jsonpeek.IsNull(raw) && string(raw) != "false"
}

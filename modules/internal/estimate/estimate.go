// Copyright 2026 The Tollgate Authors. SPDX-License-Identifier: Apache-2.0

// Package estimate says how many tokens a call used when its provider does not,
// be it that it never does or that the answer broke off before. [Prompt] reads
// the request, [Transcript] the answer.
//
// Text is counted with a tokenizer (see package tokens) and thereby as exact as
// that is for the model. What no tokenizer counts is approximated:
//
//   - A message takes 3 tokens besides its text and its role, a name 1 more, and
//     the beginning of the answer 3, as OpenAI's cookbook says of its models
//     (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken).
//     The same is taken for other formats, whose providers publish no figure.
//   - Tools, functions and JSON schemas count as the JSON they are written in.
//     Anthropic adds instructions of its own when there are tools: 346 tokens
//     (https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview).
//   - An image takes 765 tokens with OpenAI, as one of 1024 by 1024 pixels does,
//     and 85 in low detail (https://platform.openai.com/docs/guides/images-vision);
//     1600 with Anthropic, the most that it scales a picture to
//     (https://docs.claude.com/en/docs/build-with-claude/vision); 258 with Gemini,
//     one tile (https://ai.google.dev/gemini-api/docs/tokens); and 576 with Ollama,
//     the patches of LLaVA.
//   - Sound takes 10 tokens a second with OpenAI and 32 with Gemini, its length
//     taken from its size: 48 kB a second if it is WAV or PCM, else 16 kB. Video
//     takes 300 a second of 250 kB.
//   - A document takes 2000 tokens a page, 258 with Gemini, and a page takes
//     100 kB. What is only referred to is one page, or one image.
//   - What is given as token numbers takes as many.
//
// Encoded data is never counted as if it were text. In answers images and sound
// do not count at all, nor do signatures and encrypted reasoning: what they come
// to cannot be told from what is delivered. Reasoning that is not delivered
// is not in the estimate either.
package estimate

// Rough is what a text of so many bytes comes to if nothing else is known of it:
// OpenAI's rule of thumb of four characters to a token.
func Rough(size int) int64 { return int64(size+3) / 4 }

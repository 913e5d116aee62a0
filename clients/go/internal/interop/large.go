// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

const mebibyte = 1 << 20

func large(ctx context.Context, _ []string) error {
	client, err := connect()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := echoes(ctx, client, randomText(5*mebibyte)); err != nil {
		return err
	}
	_, err = enrich(ctx, client, strings.Repeat("x", 17*mebibyte))
	// The server may end the stream before it has read the request; gRPC then says
	// either what the server said, or that alone.
	return expectCode(err, codes.ResourceExhausted)
}

func compression(ctx context.Context, _ []string) error {
	client, err := connect(pronto.WithCompressor(gzip.Name))
	if err != nil {
		return err
	}
	defer client.Close()
	return echoes(ctx, client, strings.Repeat("x", mebibyte))
}

// echoes checks that a text comes back as it was sent.
func echoes(ctx context.Context, client *pronto.Client, text string) error {
	contact, err := enrich(ctx, client, text)
	if err != nil {
		return err
	}
	if got := contact.GetCustom().GetFields()["blob"].GetStringValue(); got != text {
		return fmt.Errorf("%d bytes came back for %d, or others", len(got), len(text))
	}
	return nil
}

// enrich sends a text with a request and returns the contact that comes.
func enrich(ctx context.Context, client *pronto.Client, text string) (*prontov1.Contact, error) {
	custom := &structpb.Struct{Fields: map[string]*structpb.Value{"blob": structpb.NewStringValue(text)}}
	stream, err := client.Contacts.EnrichContactAsync(ctx, &prontov1.EnrichContactAsyncRequest{
		FirstName:      "Wei",
		LastName:       "Young",
		CompanyName:    proto.String("Oakline Logistics"),
		EnrichmentType: []prontov1.EnrichmentType{prontov1.EnrichmentType_ENRICHMENT_TYPE_EMAIL},
		Custom:         custom,
	})
	if err != nil {
		return nil, err
	}
	log, err := receive(stream, func(*prontov1.JobEvent) bool { return true })
	if err != io.EOF {
		return nil, err
	}
	for _, event := range log {
		if contact := event.GetContact(); contact != nil {
			return contact, nil
		}
	}
	return nil, fmt.Errorf("no contact in %d events", len(log))
}

// randomText does not become smaller by compression alone.
func randomText(size int) string {
	text := make([]byte, 0, size+26)
	for len(text) < size {
		text = append(text, rand.Text()...)
	}
	return string(text[:size])
}

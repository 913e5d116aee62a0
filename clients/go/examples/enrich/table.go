// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pronto-grpc/clients/go/prontov1"
)

// columns are what a contact is known by.
var columns = []string{"first_name", "last_name", "company_name", "linkedin_url"}

// A table is a CSV file with a header.
type table struct {
	header []string
	rows   [][]string
}

func readTable(path string) (*table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// The reader takes care that every row has as many fields as the header.
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s: no header", path)
	}
	t := &table{header: records[0], rows: records[1:]}
	for _, column := range columns {
		if !slices.Contains(t.header, column) {
			return nil, fmt.Errorf("%s: no column %s", path, column)
		}
	}
	if n := len(t.rows); n < 2 || n > 100 {
		return nil, fmt.Errorf("%s: %d contacts; a batch has 2 to 100", path, n)
	}
	return t, nil
}

// requests are the rows as the server wants them. What is empty is left out.
func (t *table) requests() []*prontov1.ContactToEnrich {
	var contacts []*prontov1.ContactToEnrich
	for _, row := range t.rows {
		contacts = append(contacts, &prontov1.ContactToEnrich{
			FirstName:   t.field(row, "first_name"),
			LastName:    t.field(row, "last_name"),
			CompanyName: optional(t.field(row, "company_name")),
			LinkedinUrl: optional(t.field(row, "linkedin_url")),
		})
	}
	return contacts
}

func (t *table) field(row []string, column string) string {
	return row[slices.Index(t.header, column)]
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// write writes the table with what was found. The file appears under its name when it
// is complete.
func (t *table) write(path string, found []*prontov1.Contact) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // Of no effect once it is renamed.
	defer file.Close()
	writer := csv.NewWriter(file)
	if err := writer.WriteAll(t.with(found)); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// with is the table with the columns of what was found.
func (t *table) with(found []*prontov1.Contact) [][]string {
	records := [][]string{append(slices.Clone(t.header), "email", "email_status")}
	for i, row := range t.rows {
		// The getters of a contact that is missing return what is empty.
		records = append(records, append(slices.Clone(row), found[i].GetEmail(), found[i].GetEmailStatus()))
	}
	return records
}

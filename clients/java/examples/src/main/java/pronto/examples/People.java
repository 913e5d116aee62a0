// SPDX-License-Identifier: Apache-2.0
package pronto.examples;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVPrinter;
import org.apache.commons.csv.CSVRecord;
import pronto.v1.Contact;
import pronto.v1.ContactToEnrich;

/**
 * The people of a CSV file, in its order.
 *
 * @param header the columns, also those that mean nothing here
 * @param rows as many cells as there are columns
 */
record People(List<String> header, List<List<String>> rows) {
  private static final List<String> NEEDED =
      List.of("first_name", "last_name", "company_name", "linkedin_url");

  /** Refuses a file that could not be written again with what was found. */
  static People read(Path file) throws IOException {
    CSVFormat format = CSVFormat.RFC4180.builder().setHeader().setSkipHeaderRecord(true).get();
    try (Reader reader = Files.newBufferedReader(file);
        CSVParser parser = format.parse(reader)) {
      List<String> header = parser.getHeaderNames();
      List<String> missing = NEEDED.stream().filter(name -> !header.contains(name)).toList();
      if (!missing.isEmpty()) {
        throw new IllegalArgumentException(file + " has no column " + String.join(", ", missing));
      }
      return new People(header, parser.stream().map(row -> cells(file, header, row)).toList());
    }
  }

  /** A row that ends early has empty cells. */
  private static List<String> cells(Path file, List<String> header, CSVRecord row) {
    if (row.size() > header.size()) {
      throw new IllegalArgumentException(
          "%s: row %d has %d cells, and the header %d"
              .formatted(file, row.getRecordNumber(), row.size(), header.size()));
    }
    List<String> cells = new ArrayList<>(row.toList());
    cells.addAll(Collections.nCopies(header.size() - row.size(), ""));
    return cells;
  }

  List<ContactToEnrich> contacts() {
    return rows.stream().map(this::contact).toList();
  }

  /** Writes the rows with what was found. The file is there whole or not at all. */
  void write(Path file, Map<Integer, Contact> found) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    Path temporary = Files.createTempFile(folder, file.getFileName().toString(), ".tmp");
    try {
      try (Writer writer = Files.newBufferedWriter(temporary);
          CSVPrinter printer = new CSVPrinter(writer, CSVFormat.RFC4180)) {
        printer.printRecord(extended(header, "email", "email_status"));
        for (int index = 0; index < rows.size(); index++) {
          // A contact for which nothing came has empty columns.
          Contact contact = found.getOrDefault(index, Contact.getDefaultInstance());
          printer.printRecord(
              extended(rows.get(index), contact.getEmail(), contact.getEmailStatus()));
        }
      }
      Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private ContactToEnrich contact(List<String> row) {
    ContactToEnrich.Builder contact =
        ContactToEnrich.newBuilder()
            .setFirstName(cell(row, "first_name"))
            .setLastName(cell(row, "last_name"));
    // What is empty is left out: an optional field is sent when it is set, also to "".
    String company = cell(row, "company_name");
    if (!company.isEmpty()) {
      contact.setCompanyName(company);
    }
    String profile = cell(row, "linkedin_url");
    if (!profile.isEmpty()) {
      contact.setLinkedinUrl(profile);
    }
    return contact.build();
  }

  private String cell(List<String> row, String column) {
    return row.get(header.indexOf(column));
  }

  private static List<String> extended(List<String> values, String... more) {
    List<String> all = new ArrayList<>(values);
    all.addAll(List.of(more));
    return all;
  }
}

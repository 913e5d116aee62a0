// SPDX-License-Identifier: Apache-2.0
package pronto.examples;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVPrinter;
import org.apache.commons.csv.CSVRecord;
import pronto.v1.Contact;
import pronto.v1.ContactToEnrich;

/** The people of a CSV file, in its order. */
record People(List<String> header, List<CSVRecord> rows) {
  static People read(Path file) throws IOException {
    CSVFormat format = CSVFormat.RFC4180.builder().setHeader().setSkipHeaderRecord(true).get();
    try (Reader reader = Files.newBufferedReader(file);
        CSVParser parser = format.parse(reader)) {
      return new People(parser.getHeaderNames(), parser.getRecords());
    }
  }

  List<ContactToEnrich> contacts() {
    return rows.stream().map(People::contact).toList();
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
          List<String> row = rows.get(index).toList();
          printer.printRecord(extended(row, contact.getEmail(), contact.getEmailStatus()));
        }
      }
      Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static ContactToEnrich contact(CSVRecord row) {
    ContactToEnrich.Builder contact =
        ContactToEnrich.newBuilder()
            .setFirstName(row.get("first_name"))
            .setLastName(row.get("last_name"));
    // What is empty is left out: an optional field is sent when it is set, also to "".
    if (!row.get("company_name").isEmpty()) {
      contact.setCompanyName(row.get("company_name"));
    }
    if (!row.get("linkedin_url").isEmpty()) {
      contact.setLinkedinUrl(row.get("linkedin_url"));
    }
    return contact.build();
  }

  private static List<String> extended(List<String> values, String... more) {
    List<String> all = new ArrayList<>(values);
    all.addAll(List.of(more));
    return all;
  }
}

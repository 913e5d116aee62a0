// SPDX-License-Identifier: Apache-2.0
package pronto.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import pronto.v1.Contact;
import pronto.v1.ContactToEnrich;

final class PeopleTest {
  private static final String HEADER = "first_name,last_name,company_name,linkedin_url";

  @TempDir Path folder;

  @Test
  void additionalColumnsAreKept() throws IOException {
    People people = read(HEADER + ",note", "Wei,Young,Oakline,,a", "Ann,Lee");
    Path target = folder.resolve("out.csv");
    people.write(target, Map.of(0, Contact.newBuilder().setEmail("wei@example.com").build()));
    assertEquals(
        List.of(
            HEADER + ",note,email,email_status",
            "Wei,Young,Oakline,,a,wei@example.com,",
            "Ann,Lee,,,,,"),
        Files.readAllLines(target));
    assertEquals(
        ContactToEnrich.newBuilder().setFirstName("Ann").setLastName("Lee").build(),
        people.contacts().get(1));
  }

  @Test
  void aRowThatIsTooLongIsRefused() {
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () -> read(HEADER, "Wei,Young,Oakline,", "Ann,Lee,Oakline,,extra"));
    assertEquals(
        folder.resolve("in.csv") + ": row 2 has 5 cells, and the header 4", error.getMessage());
  }

  @Test
  void aMissingColumnIsNamed() {
    var error =
        assertThrows(IllegalArgumentException.class, () -> read("first_name,last_name", "Wei,Y"));
    assertEquals(
        folder.resolve("in.csv") + " has no column company_name, linkedin_url", error.getMessage());
  }

  @Test
  void anEmptyVariableIsAsOneThatIsNotSet() {
    Connection.builder(Map.of("PRONTO_ADDRESS", "", "PRONTO_TOKEN_FILE", "")).connect().close();
  }

  private People read(String... lines) throws IOException {
    return People.read(Files.write(folder.resolve("in.csv"), List.of(lines)));
  }
}

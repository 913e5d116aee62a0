// SPDX-License-Identifier: Apache-2.0
package pronto;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.grpc.InsecureChannelCredentials;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AddressTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost:50051",
        "LOCALHOST:1",
        "127.0.0.1:50051",
        "127.1.2.3:50051",
        "[::1]:50051",
        "[0:0:0:0:0:0:0:1]:50051",
        "unix:relative.sock",
        "unix:/run/pronto.sock",
        "unix:///run/pronto.sock"
      })
  void thisMachine(String target) {
    assertTrue(Address.parse(target).local());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "pronto.example.com:443",
        "localhost.example.com:50051",
        "127.0.0.1.example.com:50051",
        "127.example.com:50051",
        "10.0.0.1:50051",
        "0.0.0.0:50051",
        "[::]:50051",
        "[::2]:50051",
        "[1::1]:50051",
        "[fe80::1]:50051"
      })
  void anotherMachine(String target) {
    assertFalse(Address.parse(target).local());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost",
        ":50051",
        "localhost:",
        "localhost:http",
        "localhost:65536",
        "::1:50051",
        "https://localhost:50051",
        "unix:",
        "unix://",
        "unix://relative.sock"
      })
  void noAddress(String target) {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> Address.parse(target));
    assertTrue(error.getMessage().contains("write "), error.getMessage());
  }

  @Test
  void theSocketsPath() {
    assertEquals(new Address.Unix("/run/p.sock"), Address.parse("unix:///run/p.sock"));
    assertEquals(new Address.Unix("/run/p.sock"), Address.parse("unix:/run/p.sock"));
    assertEquals(new Address.Unix("p.sock"), Address.parse("unix:p.sock"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"unix:/run/p.sock", "unix:p.sock"})
  void theAuthorityOfASocketIsLocalhost(String target) {
    var channel = Address.parse(target).channel(InsecureChannelCredentials.create()).build();
    assertEquals("localhost", channel.authority());
    channel.shutdownNow();
  }
}

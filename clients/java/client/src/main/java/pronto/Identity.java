// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;

/**
 * The certificate that a client shows, as it is in its files when a connection is made: whoever
 * renews it need not restart the program. What gRPC has for that looks at the files from a thread,
 * once a minute at most.
 */
final class Identity extends X509ExtendedKeyManager {
  // In memory, and nowhere else.
  private static final char[] PASSWORD = {};

  private final FileContent<X509ExtendedKeyManager> files;
  // Of the handshake that began last: certificate and key are of the same time.
  private volatile X509ExtendedKeyManager chosen;

  Identity(Path certificate, Path key) throws IOException {
    files = new FileContent<>(() -> read(certificate, key), certificate, key);
    chosen = files.get();
  }

  private static X509ExtendedKeyManager read(Path certificate, Path key) throws IOException {
    X509Certificate[] chain =
        Pem.certificates(Files.readAllBytes(certificate), certificate.toString());
    String algorithm = chain[0].getPublicKey().getAlgorithm();
    PrivateKey secret = Pem.key(Files.readAllBytes(key), algorithm, key.toString());
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      store.setKeyEntry("client", secret, PASSWORD, chain);
      var factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      factory.init(store, PASSWORD);
      return (X509ExtendedKeyManager) factory.getKeyManagers()[0];
    } catch (GeneralSecurityException e) {
      throw new IllegalArgumentException(certificate + " cannot be used: " + e.getMessage(), e);
    }
  }

  @Override
  public String chooseEngineClientAlias(String[] types, Principal[] issuers, SSLEngine engine) {
    chosen = files.get();
    return chosen.chooseEngineClientAlias(types, issuers, engine);
  }

  @Override
  public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
    chosen = files.get();
    return chosen.chooseClientAlias(types, issuers, socket);
  }

  @Override
  public String[] getClientAliases(String type, Principal[] issuers) {
    return chosen.getClientAliases(type, issuers);
  }

  @Override
  public X509Certificate[] getCertificateChain(String alias) {
    return chosen.getCertificateChain(alias);
  }

  @Override
  public PrivateKey getPrivateKey(String alias) {
    return chosen.getPrivateKey(alias);
  }

  @Override
  public String[] getServerAliases(String type, Principal[] issuers) {
    return new String[0];
  }

  @Override
  public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
    return null;
  }
}

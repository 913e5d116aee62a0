// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAKey;

/** Whether two keys are a pair, which Java's key stores do not ask. */
final class KeyPairs {
  private static final byte[] PROBE = {1};

  private KeyPairs() {}

  /** Keys of the same algorithm. */
  static boolean belong(PublicKey known, PrivateKey secret) throws GeneralSecurityException {
    if (known instanceof RSAKey one && secret instanceof RSAKey other) {
      // What they may sign depends on their parameters and size.
      return one.getModulus().equals(other.getModulus());
    }
    Signature signature = Signature.getInstance(algorithm(known));
    signature.initSign(secret);
    signature.update(PROBE);
    byte[] signed = signature.sign();
    signature.initVerify(known);
    signature.update(PROBE);
    return verifies(signature, signed);
  }

  private static boolean verifies(Signature signature, byte[] signed) {
    try {
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      // A signature of another curve has another length.
      return false;
    }
  }

  /** Edwards curves sign under the name of their keys. */
  private static String algorithm(PublicKey key) {
    return key.getAlgorithm().equals("EC") ? "SHA256withECDSA" : key.getAlgorithm();
  }
}

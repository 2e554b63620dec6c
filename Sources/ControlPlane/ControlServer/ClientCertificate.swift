import ControlAPI
import FoundationEssentials
import NIOSSL
import SwiftASN1
import X509

/// A client's certificate, which the handshake has verified.
struct ClientCertificate {
  /// Every name in it that access can be given to: the subject's common names, and the hosts and
  /// URIs among the alternative names.
  let names: [String]
  private let validity: ClosedRange<Int>

  /// Nil where the certificate cannot be read.
  init?(_ certificate: NIOSSLCertificate) {
    guard let bytes = try? certificate.toDERBytes(),
      let parsed = try? Certificate(derEncoded: bytes)
    else { return nil }
    let start = Int(parsed.notValidBefore.timeIntervalSince1970)
    let end = Int(parsed.notValidAfter.timeIntervalSince1970)
    guard start <= end else { return nil }
    validity = start...end
    var names: [String] = []
    for part in parsed.subject {
      for attribute in part where attribute.type == .RDNAttributeType.commonName {
        names.append(CertificateName.common(String(describing: attribute.value)))
      }
    }
    guard let alternatives = try? parsed.extensions.subjectAlternativeNames else {
      self.names = names
      return
    }
    for name in alternatives {
      switch name {
      case .dnsName(let host): names.append(CertificateName.host(host))
      case .uniformResourceIdentifier(let uri): names.append(CertificateName.uri(uri))
      default: break
      }
    }
    self.names = names
  }

  /// Whether it is valid now: a connection, or a session that is resumed, may outlive it.
  func isValid(now: Int) -> Bool { validity.contains(now) }
}

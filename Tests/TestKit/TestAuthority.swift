import Crypto
import Foundation
import SwiftASN1
import X509

/// Who issues certificates for a test. Nothing of it outlives the test.
public struct TestAuthority: Sendable {
  /// What a certificate is for.
  public enum Use: Sendable {
    case server
    case client
  }

  private let name: DistinguishedName
  private let key: P256.Signing.PrivateKey
  private let certificate: Certificate

  public init(_ commonName: String = "test authority") throws {
    let name = try DistinguishedName { CommonName(commonName) }
    let key = P256.Signing.PrivateKey()
    certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PublicKey(key.publicKey),
      notValidBefore: Date.now - 86_400, notValidAfter: Date.now + 86_400, issuer: name,
      subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true))
      },
      issuerPrivateKey: Certificate.PrivateKey(key))
    self.name = name
    self.key = key
  }

  public var pem: String { get throws { try certificate.serializeAsPEM().pemString } }

  /// Issues a certificate.
  /// - Parameters:
  ///   - names: Alternative names.
  ///   - validity: From when to when, in seconds from now.
  /// - Returns: The certificate and its key, PEM.
  public func issue(
    _ commonName: String, for use: Use, hosts: [String] = [], addresses: [[UInt8]] = [],
    uris: [String] = [], validity: ClosedRange<Double> = -3600...3600
  ) throws -> (certificate: String, key: String) {
    let own = P256.Signing.PrivateKey()
    let names =
      hosts.map(GeneralName.dnsName)
      + addresses.map { GeneralName.ipAddress(ASN1OctetString(contentBytes: $0[...])) }
      + uris.map(GeneralName.uniformResourceIdentifier)
    let issued = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PublicKey(own.publicKey),
      notValidBefore: Date.now + validity.lowerBound, notValidAfter: Date.now + validity.upperBound,
      issuer: name, subject: try DistinguishedName { CommonName(commonName) },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([use == .server ? .serverAuth : .clientAuth])
        if !names.isEmpty { SubjectAlternativeNames(names) }
      },
      issuerPrivateKey: Certificate.PrivateKey(key))
    return (try issued.serializeAsPEM().pemString, own.pemRepresentation)
  }

  /// Issues a certificate into two files, `NAME.pem` and `NAME.key`.
  public func issue(
    _ name: String, into folder: String, for use: Use, hosts: [String] = ["localhost"],
    addresses: [[UInt8]] = [[127, 0, 0, 1]], uris: [String] = [],
    validity: ClosedRange<Double> = -3600...3600
  ) throws {
    let (certificate, key) = try issue(
      name, for: use, hosts: use == .server ? hosts : [],
      addresses: use == .server ? addresses : [], uris: uris, validity: validity)
    try Data(certificate.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).pem"))
    try Data(key.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).key"))
  }
}

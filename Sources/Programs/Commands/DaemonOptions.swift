import ArgumentParser
import ControlClient
import Daemon
import Foundation
import Inventory

/// Which daemon a command asks, and what proves who asks.
struct DaemonOptions: ParsableArguments {
  @Option(help: "The daemon's socket (else NAMEPLATE_SOCKET, else the configuration's).")
  var socket: String?
  @Option(
    help: ArgumentHelp(
      "Another host's daemon (else NAMEPLATE_SERVER, else the socket).",
      valueName: "https://host:port"))
  var server: String?
  @Option(
    help: ArgumentHelp(
      "Who issued that daemon's certificate (else NAMEPLATE_CA, else who this host trusts).",
      valueName: "file"))
  var ca: String?
  @Option(help: ArgumentHelp("Holds a token (else NAMEPLATE_TOKEN).", valueName: "file"))
  var tokenFile: String?
  @Option(help: ArgumentHelp("A client certificate.", valueName: "file")) var certificate: String?
  @Option(help: ArgumentHelp("Its private key.", valueName: "file")) var key: String?

  func validate() throws {
    guard socket == nil || server == nil else {
      throw ValidationError("--socket and --server name two daemons; give one")
    }
  }

  func endpoint() throws -> ControlEndpoint {
    try endpoint(else: try SettingOptions.parse([]).sources().value(of: .controlSocket).text)
  }

  /// - Parameter configured: What a configuration that the command has read already says is the
  ///   socket.
  func endpoint(else configured: @autoclosure () throws -> String) throws -> ControlEndpoint {
    let environment = ProcessInfo.processInfo.environment.filter { !$0.value.isEmpty }
    if let socket { return .socket(socket) }
    if let url = server ?? environment["NAMEPLATE_SERVER"] { return try remote(url, environment) }
    let withoutServer: [(String, String?)] = [
      ("--ca", ca), ("--token-file", tokenFile), ("--certificate", certificate), ("--key", key),
    ]
    if let name = withoutServer.first(where: { $0.1 != nil })?.0 {
      throw ValidationError("\(name) is for --server; on a socket the kernel says who asks")
    }
    return .socket(try environment["NAMEPLATE_SOCKET"] ?? configured())
  }

  private func remote(_ url: String, _ environment: [String: String]) throws -> ControlEndpoint {
    let daemon = RemoteDaemon(
      url: url, caFile: ca ?? environment["NAMEPLATE_CA"], token: try token(environment),
      certificateFile: certificate, keyFile: key)
    guard let daemon else {
      throw ValidationError("'\(url)' is not a server; it must be like https://host:8776")
    }
    return .server(daemon)
  }

  private func token(_ environment: [String: String]) throws -> Secret<String>? {
    guard let tokenFile else { return environment["NAMEPLATE_TOKEN"].map { Secret($0.trimmed) } }
    guard let data = FileManager.default.contents(atPath: tokenFile), data.count <= 4096,
      let text = String(validating: data, as: UTF8.self)?.trimmed, !text.isEmpty
    else { throw Unusable(description: "\(tokenFile) cannot be read as a token") }
    return Secret(text)
  }
}

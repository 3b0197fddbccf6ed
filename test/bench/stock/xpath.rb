#!/usr/bin/env ruby
# xpath.rb --stdin XPATH...: the text of each, ended by a zero byte.
require 'base64'
require 'getoptlong'
require 'rexml/document'

GetoptLong.new(['--stdin', '-s', GetoptLong::NO_ARGUMENT]).each { |_option, _argument| nil }
root = REXML::Document.new($stdin.read).root
found = ARGV.map { |xpath| root.elements[xpath]&.text }
print found.map { |text| "#{text}\0" }.join
exit found.count(nil)
